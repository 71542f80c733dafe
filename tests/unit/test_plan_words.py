"""The plan in words: what a reviewer, a terminal and a script are told. UPDATE_GOLDEN=1 writes the Markdown anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest
import yaml
from typer.testing import CliRunner

from eco2.cli import app
from eco2.stack import cli as pulumi_stack
from eco2.stack.cli import PulumiError
from eco2.stack.config import stack_config
from eco2.stack.dry_run import capture
from eco2.stack.planning import last_update, read_report
from rollout.guards.review import problems
from rollout.plan.update import update_of
from rollout.problems import ConfigError, Problem
from rollout.report.markdown import markdown, markdown_of_problems
from rollout.report.text import headline, summary, text
from rollout.spec.files import read_catalog
from rollout.spec.settings import read_settings
from tests.conftest import copy_project

GOLDEN = Path(__file__).with_name("golden")
NEW = "auth-api-0.8.0"
run = CliRunner().invoke


class World:
    """A copy of the project whose stack dev was updated to some rollouts, and is to go to others."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_project(folder)
        self.last: dict = {}
        self.outputs = folder / "outputs.json"

    def set(self, rollouts=None, **config):
        file = self.folder / "Pulumi.dev.yaml"
        document = yaml.safe_load(file.read_text())
        if rollouts is not None:
            document["config"]["eco2:rollouts"] = rollouts
        for key, value in config.items():
            document["config"].setdefault(f"eco2:{key}", {}).update(value)
        file.write_text(yaml.safe_dump(document, sort_keys=False))

    def update(self, rollouts):
        """What the outputs hold after an update to these rollouts."""
        self.set(rollouts)
        catalog = read_catalog(self.folder / "services.yaml")
        settings = read_settings("Pulumi.dev.yaml", stack_config(self.folder, "dev"), catalog)
        plans = update_of("dev", catalog, settings, {}).plans
        self.last = {"rollouts": {name: one.output() for name, one in plans.items()}}
        self.outputs.write_text(json.dumps(self.last))

    def report(self):
        return read_report(self.folder, "dev", self.last)

    def plan(self, *options):
        return run(
            app, ["plan", "-s", "dev", "-C", str(self.folder), "--outputs", str(self.outputs), *options]
        )


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.update(
        {"auth-api": {"phase": 2, "canary": {"tag": NEW}}, "my-api": {"phase": 5}, "scan-api": {"phase": 3}}
    )
    return made


@pytest.fixture
def three(world):
    """Up, promoted, taken back."""
    world.set(
        {"auth-api": {"phase": 3, "canary": {"tag": NEW}}, "scan-api": {"phase": 0}},
        services={"my-api": {"image": {"tag": "my-api-dev-canary"}}},
    )
    return world


@pytest.fixture
def skipping(world):
    """Two steps at once, beside one that is allowed."""
    world.set(
        {"auth-api": {"phase": 4, "canary": {"tag": NEW}}, "my-api": {"phase": 5}, "scan-api": {"phase": 4}}
    )
    return world


def golden(name, told):
    file = GOLDEN / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(told)
    assert told == file.read_text()


def test_a_change_of_three_services(three):
    golden("plan-three-services", markdown(three.report()))


def test_a_refusal(skipping):
    golden("plan-refused", markdown(skipping.report()))


def test_a_comments_link_to_a_rule_starts_from_the_root_of_the_web(skipping, monkeypatch):
    place = "docs/rules.md#rule-13-one-phase-up-at-a-time"
    for variable in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "CI_PROJECT_URL"):
        monkeypatch.delenv(variable, raising=False)
    assert f"]({place}): from" in skipping.plan("--markdown").stdout
    monkeypatch.setenv("CI_PROJECT_URL", "https://gitlab.example/eco2/delivery")
    assert f"(https://gitlab.example/eco2/delivery/-/blob/HEAD/{place})" in skipping.plan("--markdown").stdout
    monkeypatch.setenv("GITHUB_REPOSITORY", "eco2/delivery")
    assert f"(https://github.com/eco2/delivery/blob/HEAD/{place})" in skipping.plan("--markdown").stdout
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example")
    assert f"(https://git.example/eco2/delivery/blob/HEAD/{place})" in skipping.plan("--markdown").stdout


def test_no_change(world):
    golden("plan-no-change", markdown(world.report()))


def test_each_service_is_one_line_of_version_share_and_pods(three):
    assert [f"{one.service}: {headline(one)}" for one in three.report().changes] == [
        "auth-api: auth-api-0.8.0, from 5 % to 20 %, no pods added",
        "my-api: my-api-dev-canary becomes stable, from 100 % to off, 3 pods fewer",
        "scan-api: scan-api-dev-canary, from 20 % to off, 1 pod fewer",
    ]


def test_previews_tell_what_changes_and_nothing_else(three):
    told = summary(three.report())
    assert told.splitlines()[0] == "plan for dev: 3 of 13 services change; the other 10 stay as they are"
    assert "order: canary ready → routes" in told
    assert "order: new stable ready → routes → pause of 5 s → canary goes" in told
    assert "order: routes → pause of 5 s → canary goes" in told
    assert "chat-api" not in told
    assert len(told.splitlines()) == 7


def test_no_change_is_one_line(world):
    assert summary(world.report()) == "plan for dev: no rollout of the 13 services changes"


def test_what_users_with_and_without_the_header_meet(three):
    told = text(three.report())
    assert "traffic   with the header: canary; without: 80 % stable, 20 % canary" in told
    assert "traffic   everybody meets 100 % stable" in told


def test_a_share_of_pods_is_told_as_it_is(world):
    world.set({"ext-authz": {"phase": 1}, "my-worker": {"phase": 2}})
    world.update({"ext-authz": {"phase": 1}, "my-worker": {"phase": 1}})
    world.set({"ext-authz": {"phase": 2}, "my-worker": {"phase": 2}})
    told = text(world.report())
    assert "ext-authz: ext-authz-dev-canary, from phase 1 (no traffic) to 33.33 %, no pods added" in told
    assert "order     canary ready → the Service's selector" in told
    assert "my-worker: my-worker-dev-canary, from phase 1 (no pods) to 50 %, 1 pod added" in told
    assert "order     canary ready\n" in told  # a worker has no routes
    assert "pods decide the share" in told


def orders(world, before, after):
    """How far the canary comes and in which order, by service."""
    world.update(before)
    world.set(after)
    return {
        one.service: (f"{one.before.level} to {one.after.level}", " → ".join(one.order))
        for one in world.report().changes
    }


def test_a_canary_that_no_header_reaches_is_told_as_what_it_is(world):
    apart = {"phase": 1, "canary": {"queues": ["try"]}}
    found = orders(world, {}, {"ext-authz": {"phase": 1}, "my-worker": {"phase": 1}, "scan-worker": apart})
    assert found == {
        "ext-authz": ("off to phase 1 (no traffic)", "canary ready"),
        "scan-worker": ("off to phase 1 (queues of its own)", "canary ready"),
        "my-worker": ("off to phase 1 (no pods)", ""),
    }
    told = summary(world.report())
    assert "my-worker: my-worker-dev-canary, from off to phase 1 (no pods), no pods added" in told
    assert "  then everybody meets 100 % stable\n" in told + "\n"
    assert "header" not in told
    assert "the header alone" not in markdown(world.report())


@pytest.mark.parametrize(
    ("before", "after", "order"),
    [
        (0, 1, "canary ready"),
        (1, 2, "canary ready → the Service's selector"),
        (2, 3, "canary ready"),
        (4, 5, "canary ready → the canary's priority"),
        (5, 4, "the canary's priority → pause of 5 s → canary shrinks"),
        (5, 0, "the Service's selector → pause of 5 s → canary goes"),
        (3, 1, "the Service's selector"),
        (3, 0, "the Service's selector → pause of 5 s → canary goes"),
        (1, 0, "pause of 5 s → canary goes"),
    ],
)
def test_a_selector_is_named_only_where_it_changes(world, before, after, order):
    found = orders(world, {"ext-authz": {"phase": before}}, {"ext-authz": {"phase": after}})
    assert found["ext-authz"][1] == order


def test_a_workers_canary_that_ends_last_is_told_with_the_way_to_end_it_first(world):
    last = "canary goes, last in the whole update (`eco2 abort scan-worker` ends it first)"
    for before in (1, 3):
        found = orders(world, {"scan-worker": {"phase": before}}, {"scan-worker": {"phase": 0}})
        assert found["scan-worker"][1] == last
    # Part of the way back is no deletion, and so comes first.
    found = orders(world, {"scan-worker": {"phase": 3}}, {"scan-worker": {"phase": 1}})
    assert found["scan-worker"][1] == "canary shrinks"


def test_the_image_of_a_canary_without_pods_makes_nothing_wait(world):
    first, second = ({"my-worker": {"phase": 1, "canary": {"tag": tag}}} for tag in ("a", "b"))
    assert orders(world, first, second) == {
        "my-worker": ("phase 1 (no pods) to phase 1 (no pods)", ""),
    }


def test_lines_break_at_the_width_but_commands_do_not(skipping):
    lines = text(skipping.report(), 60).splitlines()
    long = [line for line in lines if len(line) > 60]
    assert long
    assert all("pulumi config" in line for line in long)


def test_a_first_update_and_lost_outputs_are_told(tmp_path):
    world = World(tmp_path)
    world.outputs.write_text("")
    done = world.plan()
    assert done.exit_code == 0
    assert "every service counts as new" in done.stdout
    assert "come up without a canary: auth-api, character-api" in done.stdout
    world.set({"auth-api": {"phase": 1}})
    done = world.plan()
    assert done.exit_code == 3
    assert "this stack was never updated" in done.stdout


def test_part_of_the_outputs_lost_makes_one_service_new(world):
    del world.last["rollouts"]["scan-api"]
    found = world.report()
    assert [one.service for one in found.refused] == ["scan-api"]
    assert not found.first
    assert "no update of this stack left this service" in text(found)


def test_a_refusal_names_the_command_and_the_exit_code_is_3(skipping):
    done = skipping.plan()
    assert done.exit_code == 3
    assert "next      pulumi config set --stack dev --path eco2:rollouts.auth-api.phase 3" in done.stdout
    assert skipping.plan("--markdown").exit_code == 3
    (refused,) = json.loads(skipping.plan("--json").stdout)["refused"]
    assert (refused["service"], refused["rule"], refused["title"]) == (
        "auth-api",
        13,
        "one phase up at a time",
    )
    assert refused["next"] == "pulumi config set --stack dev --path eco2:rollouts.auth-api.phase 3"
    found = _in_a_backend(skipping)
    assert "rule 13" in str(ConfigError(problems(found.file, found.refused)))


def _in_a_backend(world, *resources):
    with pytest.MonkeyPatch.context() as patch:
        root = {"type": "pulumi:pulumi:Stack", "urn": "root", "outputs": world.last}
        exported = {"deployment": {"resources": [root, *resources]}}
        patch.setattr(pulumi_stack, "pulumi", lambda *_: json.dumps(exported))
        return _from_the_backend(world)


def _from_the_backend(world):
    left = last_update(world.folder, "dev")
    return read_report(world.folder, "dev", left.outputs, left.resources)


def test_outputs_in_a_backend_give_the_same_plan(three):
    assert text(_in_a_backend(three)) == text(three.report())


def test_routes_that_a_failed_update_moved_are_what_users_meet_before(world):
    world.update({})
    rule = {"route": [{"destination": {"subset": "canary"}, "weight": 5}]}
    moved = {
        "type": "kubernetes:networking.istio.io/v1:VirtualService",
        "urn": "urn:x::auth-api",
        "outputs": {"spec": {"http": [rule]}},
    }
    assert "auth-api: auth-api-dev-latest, from 5 % to off" in text(_in_a_backend(world, moved))


def test_a_stack_that_the_backend_does_not_hold_was_never_updated(world, monkeypatch):
    def refuse(*_):
        raise PulumiError("error: no stack named 'dev' found")

    monkeypatch.setattr(pulumi_stack, "pulumi", refuse)
    world.set({})
    assert "every service counts as new" in text(_from_the_backend(world))


def test_scripts_get_the_same_as_people(three):
    told = json.loads(three.plan("--json").stdout)
    auth, my, scan = told["changes"]
    assert (auth["before"]["share"], auth["after"]["share"], auth["podsAdded"]) == (5, 20, 0)
    assert (my["direction"], scan["direction"]) == ("promote", "down")
    assert (told["refused"], len(told["unchanged"])) == ([], 10)
    assert told["cost"]["percentOfStable"]["pods"] == 7.1  # 1 of 14


def test_mistakes_in_the_config_are_a_comment_too(world):
    world.set({"auth-apu": {"phase": 1}})
    done = world.plan("--markdown")
    assert done.exit_code == 3
    assert done.stdout.startswith(
        "<!-- eco2-plan dev -->\n\n### No plan for dev: 1 mistake, nothing would be changed\n"
    )
    assert "`Pulumi.dev.yaml: eco2:rollouts.auth-apu`: no such service; did you mean auth-api?" in done.stdout


def test_what_cannot_be_read_is_exit_code_1(world, monkeypatch):
    (world.folder / "Pulumi.dev.yaml").write_text("a: [")
    assert world.plan().exit_code == 1
    monkeypatch.setenv("PATH", "")
    copy_project(world.folder)
    done = run(app, ["plan", "-s", "dev", "-C", str(world.folder)])
    assert done.exit_code == 1
    assert "--outputs FILE" in done.stderr
    world.outputs.write_text("no json")
    assert world.plan().exit_code == 1
    world.outputs.unlink()
    assert world.plan().exit_code == 1


def test_text_from_files_cannot_break_out_of_the_comment():
    told = markdown_of_problems("dev", [Problem("f", "k", "<script> @team [x](y) | # *b*")])
    assert "\\<script\\> @&#8203;team \\[x\\](y) | \\#&#8203; \\*b\\*" in told


def test_the_plan_needs_neither_pulumi_nor_a_client_of_kubernetes(three):
    code = (
        "import sys; from eco2.stack.planning import read_report; import json; from pathlib import Path;"
        "from rollout.report.text import text; text(read_report(Path(sys.argv[1]), 'dev', {}));"
        "print([m for m in ('pulumi', 'kubernetes', 'grpc', 'boto3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(three.folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_program_tells_the_plan_once(three, monkeypatch):
    told = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_: told.append(text))
    capture(three.folder, "dev", stack_config(three.folder, "dev"), three.last)
    assert told == [summary(three.report())]


def test_the_program_refuses_what_rule_17_does(world):
    huge = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    world.update({})
    world.set(
        {"scan-api": {"phase": 1}},
        services={"scan-api": {"resources": huge}},
        nodeGroups={"scan": {"min": 1, "desired": 1, "max": 1}},
    )
    with pytest.raises(pulumi.RunError, match=r"rule 17 \(.* raise eco2:nodeGroups.scan.max from 1 to 2"):
        capture(world.folder, "dev", stack_config(world.folder, "dev"), world.last)
    assert "rule 17" in world.plan().stdout


def test_a_changed_ladder_is_a_change(world):
    world.update({"scan-api": {"phase": 1}})
    world.set({"scan-api": {"phase": 1, "ladder": "blue-green"}})
    assert [one.service for one in world.report().changes] == ["scan-api"]

"""`advance`, `promote` and `set-image` from the command line, with a Pulumi that only notes down what it is told."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from tests.api_server import ApiServer
from tests.desk import IMAGE


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster in which the canaries of auth-api and scan-api are ready."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        for name, namespace in (("auth-api", "auth"), ("scan-api", "scan")):
            running.canary(namespace, name, f"{IMAGE}{name}-dev-canary")
        yield running


def test_an_advance_writes_one_line_and_updates(desk, cluster):
    before = desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    done = desk.run("advance", "auth-api", "--yes")
    assert done.exit_code == 0, done.output
    assert desk.file.read_text() == before.replace("phase: 2}", "phase: 3}")
    assert desk.updates == [f"up --yes --suppress-outputs --stack dev --cwd {desk.folder} --skip-preview"]
    # The update saw the file as it was to be.
    assert (desk.folder / "seen").read_text() == desk.file.read_text()
    assert "auth-api: from phase 2 (5 %) to phase 3 (20 %)" in done.stdout


def test_several_services_move_in_one_edit(desk, cluster):
    desk.says(auth_api="{phase: 2}", scan_api="{phase: 1}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"), scan_api=(1, 0, "scan-api-dev-canary"))
    assert desk.run("advance", "auth-api", "scan-api", "my-api", "--yes").exit_code == 0
    rollouts = yaml.safe_load(desk.file.read_text())["config"]["eco2:rollouts"]
    assert {name: entry["phase"] for name, entry in rollouts.items()} == {
        "auth-api": 3,
        "scan-api": 2,
        "my-api": 1,
    }
    assert len(desk.updates) == 1


def test_without_an_update_only_the_file_changes(desk):
    done = desk.run("advance", "auth-api", "--no-up", "--yes")
    assert done.exit_code == 0
    assert "auth-api: {phase: 1}" in desk.file.read_text()
    assert desk.updates == []
    assert "`pulumi up --stack dev`" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("advance", "auth-api", "--to", "4"), "rule 13"),
        (("advance", "auth-api", "--to", "9"), "there is no phase 9"),
        (("advance", "auth"), "did you mean auth-api?"),
        (("promote", "auth-api"), "only a canary with 100 % is promoted"),
        (("set-image", "auth-api", "other"), "add `--phase 1`"),
    ],
)
def test_what_is_refused_leaves_the_file_untouched_and_updates_nothing(desk, arguments, words):
    before = desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    refused = desk.run(*arguments, "--yes")
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert desk.file.read_text() == before
    assert desk.updates == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("advance", "my-apo", "--yes"),
        ("promote", "my-apo", "--yes"),
        ("set-image", "my-apo", "x", "--yes"),
        ("status", "my-apo"),
    ],
)
def test_a_slip_in_a_service_is_one_of_the_command_line_and_of_no_file(desk, arguments):
    told = desk.run(*arguments).stderr.splitlines()
    assert told[1].startswith(
        "  command line: my-apo: no such service; did you mean my-api? (known: auth-api,"
    )
    assert len(told) == 2


@pytest.mark.parametrize(
    "arguments", [("advance", "my-api", "--yes"), ("plan",), ("status",), ("render", "--out", "rendered")]
)
def test_a_slip_in_a_stack_lists_those_that_have_a_file(desk, arguments):
    command = [sys.executable, "-m", "eco2", *arguments, "--stack", "locl"]
    refused = subprocess.run(command, cwd=desk.folder, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[1] == (
        "  Pulumi.locl.yaml: cannot be read (No such file or directory); did you mean local? (known: dev, local, prod)"
    )


def test_every_reason_is_told_at_once(desk):
    refused = desk.run("promote", "auth-api", "chat-api", "nonsense", "--yes")
    assert "3 problems" in refused.stderr


def test_a_config_that_cannot_be_used_is_refused_before_anything_else(desk):
    desk.says(auth_api="{phase: 2, wieght: 3}")
    assert "wieght: unknown key" in desk.run("advance", "auth-api", "--yes").stderr


def test_a_file_that_cannot_be_edited_safely_is_refused(desk):
    text = desk.file.read_text()
    desk.file.write_text(
        text.replace("eco2:rollouts: {}", "eco2:rollouts: {chat-api: &x {phase: 0}, auth-api: *x}")
    )
    refused = desk.run("advance", "auth-api", "--yes")
    assert refused.exit_code == 1
    assert "behind an alias" in refused.stderr


def test_going_back_is_never_refused(desk):
    desk.says(auth_api="{phase: 5}")
    desk.left(auth_api=(5, 100, "auth-api-dev-canary"))
    for phase in (4, 2, 0):
        assert desk.run("advance", "auth-api", "--to", str(phase), "--yes").exit_code == 0


def test_a_promotion_is_one_edit(desk):
    before = desk.says(auth_api="{phase: 5, canary: {tag: auth-api-0.8.0}}")
    desk.left(auth_api=(5, 100, "auth-api-0.8.0"))
    assert desk.run("promote", "auth-api", "--yes").exit_code == 0
    lines = set(desk.file.read_text().splitlines()) - set(before.splitlines())
    assert lines == {
        "    auth-api: {image: {tag: auth-api-0.8.0}}",
        "    auth-api: {phase: 0, canary: {tag: auth-api-0.8.0}}  # kept",
    }


def test_a_promotion_that_failed_is_run_again_by_the_same_command(desk):
    desk.says(auth_api="{phase: 5, canary: {tag: auth-api-0.8.0}}")
    desk.left(auth_api=(5, 100, "auth-api-0.8.0"))
    (desk.folder / "code").write_text("255")
    assert desk.run("promote", "auth-api", "--yes").exit_code == 4
    (desk.folder / "code").write_text("0")
    assert desk.run("promote", "auth-api", "--yes").exit_code == 0
    assert len(desk.updates) == 2


BUILD = ("set-image", "auth-api", "mng990/eco2:auth-api-0.8.0", "--start", "--no-up", "--yes")


def test_an_image_build_starts_a_rollout_by_one_command(desk):
    assert desk.run(*BUILD).exit_code == 0
    assert "    auth-api: {phase: 1, canary: {tag: auth-api-0.8.0}}\n" in desk.file.read_text()


@pytest.mark.parametrize(
    ("phase", "left", "words"),
    [
        (3, (3, 20), "`eco2 advance auth-api --to 1 --stack dev`"),
        (2, (1, 0), "the canary has 5 % of the traffic"),
        (1, (3, 20), "the last update left the canary 20 % of the traffic"),
    ],
)
def test_an_image_build_takes_no_rollout_back(desk, phase, left, words):
    before = desk.says(auth_api=f"{{phase: {phase}}}")
    desk.left(auth_api=(*left, "auth-api-dev-canary"))
    refused = desk.run(*BUILD)
    assert refused.exit_code == 1
    assert words in " ".join(refused.stderr.split())
    assert desk.file.read_text() == before
    # What a person may do.
    assert (
        desk.run("set-image", "auth-api", "auth-api-0.8.0", "--phase", "1", "--no-up", "--yes").exit_code == 0
    )


def test_an_image_build_takes_nothing_back_that_a_failed_update_gave_users(desk):
    desk.left()
    state = json.loads((desk.folder / "state.json").read_text())
    rule = {"route": [{"destination": {"subset": "canary"}, "weight": 5}]}
    kind = "kubernetes:networking.istio.io/v1:VirtualService"
    moved = {"type": kind, "urn": "urn:x::auth-api", "outputs": {"spec": {"http": [rule]}}}
    state["deployment"]["resources"].append(moved)
    (desk.folder / "state.json").write_text(json.dumps(state))
    refused = desk.run(*BUILD)
    assert refused.exit_code == 1
    assert "5 % of the traffic" in refused.stderr


def test_an_image_build_that_cannot_know_what_users_meet_sets_nothing(desk):
    (desk.folder / "answers").write_text("1")
    before = desk.file.read_text()
    assert desk.run(*BUILD).exit_code == 1
    assert desk.file.read_text() == before


def test_an_image_build_chooses_no_phase(desk):
    refused = desk.run(*BUILD, "--phase", "1")
    assert refused.exit_code == 2
    assert "--start sets phase 1 by itself" in refused.stderr


def test_an_image_without_a_rollout_waits_at_phase_0(desk):
    assert desk.run("set-image", "auth-api", "auth-api-0.8.0", "--no-up", "--yes").exit_code == 0
    assert "auth-api: {phase: 0, canary: {tag: auth-api-0.8.0}}" in desk.file.read_text()


def test_an_image_that_is_none_is_wrong_usage(desk):
    refused = desk.run("set-image", "auth-api", "ghcr.io/x/y:z", "--yes")
    assert refused.exit_code == 2
    assert "another repository" in refused.stderr


def test_a_failed_update_has_an_exit_code_of_its_own_and_a_way_on(desk):
    (desk.folder / "code").write_text("255")
    failed = desk.run("advance", "auth-api", "--yes")
    assert failed.exit_code == 4
    assert "auth-api: {phase: 1}" in desk.file.read_text()
    assert "Pulumi.dev.yaml is written, and the stack is not what it says" in failed.stderr
    assert "`pulumi up --stack dev`" in failed.stderr


def test_a_command_that_is_repeated_edits_nothing_and_updates(desk):
    (desk.folder / "code").write_text("255")
    assert desk.run("advance", "auth-api", "--to", "1", "--yes").exit_code == 4
    (desk.folder / "code").write_text("0")
    before = desk.file.read_text()
    done = desk.run("advance", "auth-api", "--to", "1", "--yes")
    assert done.exit_code == 0
    assert "Pulumi.dev.yaml says so already" in done.stdout
    assert desk.file.read_text() == before


def test_without_somebody_to_ask_nothing_is_done(desk):
    before = desk.file.read_text()
    refused = desk.run("advance", "auth-api")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert desk.file.read_text() == before


def test_nothing_is_watched_that_is_not_updated(desk):
    assert desk.run("advance", "auth-api", "--yes", "--no-up", "--wait", "5").exit_code == 2


def test_a_state_that_cannot_be_read_stops_an_update_and_not_an_edit(desk):
    (desk.folder / "answers").write_text("1")
    before = desk.file.read_text()
    assert desk.run("advance", "auth-api", "--yes").exit_code == 1
    assert desk.file.read_text() == before
    done = desk.run("advance", "auth-api", "--yes", "--no-up")
    assert done.exit_code == 0
    assert "its guards judge in the preview" in done.stdout


def test_scripts_get_json_and_nothing_else_on_standard_output(desk):
    told = json.loads(desk.run("advance", "auth-api", "--yes", "--json").stdout)
    assert told == {
        "stack": "dev",
        "file": "Pulumi.dev.yaml",
        "moves": [
            {
                "service": "auth-api",
                "does": "auth-api: from phase 0 (off) to phase 1 (header only)",
                "keys": {"eco2:rollouts.auth-api.phase": 1},
            }
        ],
        "notes": [],
        "written": True,
        "updated": True,
    }
    (desk.folder / "code").write_text("255")
    failed = desk.run("advance", "auth-api", "--to", "0", "--yes", "--json")
    assert failed.exit_code == 4
    assert json.loads(failed.stdout)["updated"] is False


@pytest.mark.parametrize("redirection", ["| true", "> /dev/full", ">&- 2>&-"])
def test_a_step_does_not_end_with_its_output(desk, cluster, redirection):
    desk.says(auth_api="{phase: 1}")
    desk.left(auth_api=(1, 0, "auth-api-dev-canary"))
    command = f"{sys.executable} -m eco2 advance auth-api --stack dev --yes"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} {redirection}"], cwd=desk.folder, check=False, timeout=60
    )
    assert done.returncode == 0
    assert "auth-api: {phase: 2}" in desk.file.read_text()
    assert len(desk.updates) == 1

"""What an update changes beside rollouts is told, and the deletion of what has traffic is refused (rule 18)."""

from __future__ import annotations

import json

import pytest
import yaml

from eco2.stack.comparison import with_differences
from eco2.stack.planning import read_report
from eco2.stack.state import StackState
from rollout.report.as_json import as_json
from rollout.report.text import text
from tests.unit.left import left_by


@pytest.fixture
def left(program):
    """What an update of the files as they ship leaves."""
    return left_by(program.run(outputs={}))


@pytest.fixture
def plan(program, left):
    """The report on an update of the files as a test has changed them."""

    def run():
        report = read_report(program.folder, "dev", left.outputs, left.resources)
        return with_differences(report, program.folder, "dev", left)

    return run


def catalog(program, change):
    path = program.folder / "services.yaml"
    document = yaml.safe_load(path.read_text())
    change(document["services"])
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    if not any(one["domain"] == "chat" for one in document["services"].values()):
        program.edit("Pulumi.dev.yaml", **{"config/eco2:nodeGroups/chat": None})


def told(report):
    return [(one.does, one.what, one.why) for one in report.beside]


def test_an_update_without_a_change_tells_nothing(plan):
    found = plan()
    assert found.beside == ()
    assert "no rollout of the 13 services changes" in text(found)
    assert "beside rollouts" not in text(found)


def test_what_falls_back_for_a_service_without_routes_is_part_of_its_rollout(program, plan):
    overrule = {"config/eco2:overrule": {"ext-authz": "the test begins at phase 0"}}
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"ext-authz": {"phase": 5}}}, **overrule)
    assert plan().beside == ()


def test_whose_pods_restart_for_which_variable(program, plan):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:services": {"sse-gateway": {"env": {"NEW": "1"}}}})
    found = plan()
    (one,) = [one for one in found.beside if "variable NEW is new" in one.why]
    assert (one.does, one.what) == ("restarts", ("sse-gateway",))
    assert "pods of sse-gateway" in text(found)
    assert any(one["does"] == "restarts" for one in as_json(found)["beside"])


def test_a_value_of_a_variable_is_never_told(program, plan):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:services": {"my-api": {"env": {"NEW": "s3cret"}}}})
    found = plan()
    assert "variable NEW is new" in text(found)
    assert "s3cret" not in text(found) + json.dumps(as_json(found))


def test_bounds_of_a_node_group_change_in_place_and_its_instances_by_a_new_group(program, plan):
    groups = yaml.safe_load((program.folder / "Pulumi.dev.yaml").read_text())["config"]["eco2:nodeGroups"]
    groups["auth"]["max"] += 1
    groups["chat"]["instanceTypes"] = ["t3.large"]
    program.edit("Pulumi.dev.yaml", **{"config/eco2:nodeGroups": groups})
    by_group = {one.what: one for one in plan().beside}
    assert by_group["node group auth",].does == "changed"
    assert "most nodes" in by_group["node group auth",].why[0]
    assert by_group["node group chat",].does == "replaced"
    assert "pods of chat-api move" in by_group["node group chat",].why


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda services: services.pop("chat-api"), "services.yaml has no chat-api any more"),
        (
            lambda services: services.update({"talk-api": services.pop("chat-api")}),
            "if it only got another name, bring up the new one beside it",
        ),
        (lambda services: services["chat-api"].update(namespace="chat2"), "to namespace chat2"),
    ],
)
def test_what_has_traffic_is_deleted_only_where_somebody_says_why(program, plan, left, change, words):
    catalog(program, change)
    refused = text(plan())
    assert (
        "refused: chat-api: rule 18 (nothing with traffic is deleted in passing, docs/rules.md): from "
        in refused
    )
    assert words in refused
    assert "/api/v1/chat" in refused
    assert "VirtualService chat-api-mesh" in refused
    # The program refuses it as well: a preview of `pulumi` fails.
    with pytest.raises(Exception, match="rule 18"):
        program_run(program, left)
    program.edit("Pulumi.dev.yaml", **{"config/eco2:overrule": {"chat-api": "it has moved"}})
    found = plan()
    assert not found.refused
    assert any("overruled (it has moved)" in one for one in found.warnings)
    assert any(does in ("deleted", "replaced") and "chat-api" in what for does, what, _ in told(found))
    program_run(program, left)


def program_run(program, left):
    from eco2.stack.dry_run import capture, stack_config  # noqa: PLC0415

    config = stack_config(program.folder, "dev")
    return capture(program.folder, "dev", config, left.outputs, left.resources)


def test_an_update_with_targets_deletes_nothing_and_asks_nothing(program, left, monkeypatch):
    from eco2.stack.cli import about  # noqa: PLC0415

    catalog(program, lambda services: services.pop("chat-api"))
    for variable, value in about(["auth-api"]).items():
        monkeypatch.setenv(variable, value)
    program_run(program, left)


def test_an_overrule_for_nothing_is_refused(program, plan):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:overrule": {"chta-api": "why"}})
    with pytest.raises(Exception, match=r"overrule\.chta-api: no such service; did you mean chat-api"):
        plan()


def test_without_the_state_it_is_not_claimed_that_nothing_changes(program, left):
    bare = StackState(left.outputs)
    report = read_report(program.folder, "dev", left.outputs)
    found = with_differences(report, program.folder, "dev", bare)
    assert found.beside is None
    assert any("is not known without the stack's state" in one for one in found.warnings)

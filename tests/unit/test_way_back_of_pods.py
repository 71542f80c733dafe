"""The way back where pods decide the share: the canary shrinks before anything that AWS may refuse."""

from __future__ import annotations

import threading

import pytest

from components import services
from eco2.stack.dry_run import _Answers
from tests.unit.conftest import objects
from tests.unit.priors import entry

WORKER, BY_SELECTOR = "scan-worker", "ext-authz"
WEIGHTS = {0: 0, 1: 0, 2: 5, 3: 20, 4: 50}


def left(name, phase):
    images = (f"docker.io/mng990/eco2:{name}-dev-{tag}" for tag in ("latest", "canary"))
    return {name: entry(phase, WEIGHTS[phase], *images)}


def moved(program, **phases):
    """The program as it takes services from phase to phase: `name=(before, after)`."""
    ways = {name.replace("_", "-"): way for name, way in phases.items()}
    wanted = {name: {"phase": after} for name, (_, after) in ways.items()}
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": wanted})
    outputs = {}
    for name, (before, _) in ways.items():
        outputs |= left(name, before)
    return program.run(outputs={"rollouts": outputs})


def place(captured, kind, name):
    return captured.resources.index(objects(captured, kind)[name])


def first_of_aws(captured):
    return min(at for at, one in enumerate(captured.resources) if one.type.startswith("aws:"))


def nodes_awaited(captured, name):
    return [urn for urn in objects(captured, "Deployment")[name].after if "NodeGroup" in urn]


@pytest.mark.parametrize("name", [WORKER, BY_SELECTOR])
@pytest.mark.parametrize("after", [1, 2])
def test_a_canary_that_shrinks_comes_before_node_groups_and_waits_for_none(program, name, after):
    captured = moved(program, **{name: (4, after)})
    canary = place(captured, "Deployment", f"{name}-canary")
    assert canary < first_of_aws(captured)
    assert nodes_awaited(captured, f"{name}-canary") == []
    assert canary < place(captured, "Deployment", name)
    assert nodes_awaited(captured, name)
    urns = [one.urn for one in captured.resources]
    assert len(set(urns)) == len(urns)


def test_it_comes_behind_all_routes_that_go_back_and_its_own_selector(program):
    captured = moved(program, scan_worker=(4, 2), ext_authz=(4, 2), auth_api=(4, 2))
    routes = max(place(captured, "VirtualService", name) for name in ("auth-api", "auth-api-mesh"))
    for name in (WORKER, BY_SELECTOR):
        assert routes < place(captured, "Deployment", f"{name}-canary") < first_of_aws(captured)
    # Its requests follow weights, so its canary takes nothing once they have moved.
    assert place(captured, "Deployment", "auth-api-canary") > first_of_aws(captured)
    canary = objects(captured, "Deployment")["ext-authz-canary"]
    assert objects(captured, "Service")["ext-authz"].urn in canary.after
    assert canary.options["hooks"]["beforeUpdate"] == canary.options["hooks"]["beforeDelete"]


@pytest.mark.parametrize("way", [(2, 3), (2, 2)])
def test_a_canary_that_does_not_go_back_waits_for_its_nodes(program, way):
    captured = moved(program, scan_worker=way, auth_api=(3, 2))
    assert place(captured, "Deployment", "scan-worker-canary") > first_of_aws(captured)
    assert nodes_awaited(captured, "scan-worker-canary")


def test_a_worker_at_phase_0_has_no_canary(program):
    captured = moved(program, scan_worker=(4, 0))
    assert "scan-worker-canary" not in objects(captured, "Deployment")
    assert "scan-worker" in objects(captured, "Deployment")


@pytest.mark.parametrize(("patience_seconds", "took", "aws_meanwhile"), [(60, 0.5, False), (0, 60, True)])
def test_aws_waits_until_a_canary_shrinks_and_not_for_one_whose_pods_stay_sick(
    program, monkeypatch, patience_seconds, took, aws_meanwhile
):
    aws, answer, seen = threading.Event(), _Answers.new_resource, []

    def answer_late(own, args):
        if args.typ.startswith("aws:"):
            aws.set()
        if args.typ.endswith(":Deployment") and args.name == "scan-worker-canary":
            seen.append(aws.wait(took))
        return answer(own, args)

    monkeypatch.setattr(_Answers, "new_resource", answer_late)
    monkeypatch.setattr(services, "BEGUN_SECONDS", patience_seconds)
    program.edit("Pulumi.dev.yaml", **{"config/eco2:routePropagationSeconds": "0"})
    captured = moved(program, scan_worker=(4, 2))
    assert seen == [aws_meanwhile]
    assert aws.is_set()
    assert captured.outputs["rollouts"][WORKER]["phase"] == 2

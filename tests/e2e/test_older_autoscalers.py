"""A rollout on an API server that drops an autoscaler's tolerance, as Kubernetes 1.33 and 1.34 do."""

from __future__ import annotations

import json

import pytest

from tests.conftest import CLUSTERS, Lab

pytestmark = [pytest.mark.lab, pytest.mark.long]
AUTOSCALERS = "/apis/autoscaling/v2/horizontalpodautoscalers"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab whose autoscalers have no tolerance of their own."""
    running = Lab(tmp_path_factory.mktemp("lab"))
    names = [f"--cluster={name}" for name in CLUSTERS]
    running.command("start", "--feature-gate=HPAConfigurableTolerance=false", *names)
    yield running
    running.command("stop")


def scale_down(lab):
    """The rules by which the autoscaler of auth-api shrinks."""
    return lab.items(AUTOSCALERS)["auth/auth-api"]["spec"]["behavior"]["scaleDown"]


def specs(lab):
    return {name: one["spec"] for name, one in lab.items(AUTOSCALERS).items()}


def assert_settled(stack, lab):
    """Asserts that a second update finds nothing to do, and does nothing."""
    before = specs(lab)
    assert stack.changes() == []
    assert " unchanged" in stack.up()
    assert specs(lab) == before


def declared_tolerance(stack):
    """The inputs of the state that hold a tolerance: each would be a difference for ever."""
    state = json.loads(stack.pulumi("stack", "export").stdout)
    resources = state["deployment"]["resources"]
    return [one["urn"] for one in resources if '"tolerance"' in json.dumps(one.get("inputs", {}))]


def test_a_rollout_leaves_the_field_out_and_freezes_all_the_same(stack, lab):
    stack.set("eco2:rollouts.auth-api.canary.tag", "auth-api-0.8.0")
    stack.advance("auth-api", 1)
    assert scale_down(lab)["selectPolicy"] != "Disabled"
    for phase in (2, 3):
        stack.advance("auth-api", phase)
        assert scale_down(lab)["selectPolicy"] == "Disabled"
        assert "tolerance" not in scale_down(lab)
        assert declared_tolerance(stack) == []
        assert_settled(stack, lab)
    stack.advance("auth-api", 0)
    assert scale_down(lab)["selectPolicy"] != "Disabled"
    assert_settled(stack, lab)


def test_the_doctor_says_so(stack):
    done = stack.eco2("doctor", "--json")
    found = [one for one in json.loads(done.stdout) if one["group"] == "autoscalers"]
    assert {one["state"] for one in found} == {"warning"}
    assert "right after a rollback" in found[0]["what"]

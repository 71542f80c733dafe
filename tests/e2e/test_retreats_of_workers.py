"""The way back of a worker, whose share its pods decide, while AWS refuses a node group."""

from __future__ import annotations

import pytest

from tests.updates import replicas

pytestmark = [pytest.mark.lab, pytest.mark.long]
WORKER = "auth-relay"
CANARY = "auth/auth-relay-canary"


def test_its_canary_shrinks_though_a_node_group_is_refused(stack, lab):
    stack.set(f"eco2:services.{WORKER}.replicas", "3")
    stack.change(rollouts={WORKER: {"phase": 4}}, readyTimeoutSeconds=60)
    stack.change(overrule={WORKER: "the test begins at phase 4"})
    stack.up()
    assert replicas(lab, CANARY) == (3, 3)
    before = stack.file.read_text()
    stack.set("eco2:nodeGroups.location.instanceTypes[0]", "t9.none")
    stack.set(f"eco2:rollouts.{WORKER}.phase", "2")
    assert "NodeGroup location" in stack.up(check=False)
    assert replicas(lab, CANARY)[0] == 1
    # The file that mends the node group goes on from there.
    stack.file.write_text(before)
    stack.change(rollouts={WORKER: {"phase": 2}})
    stack.up()
    assert replicas(lab, CANARY) == (1, 1)
    assert stack.changes() == []

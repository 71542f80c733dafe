"""An update with targets by hand: outputs tell what was done, and guards go by it."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.rare]


def rollouts(stack):
    return {name: entry["phase"] for name, entry in stack.outputs()["rollouts"].items() if entry["phase"]}


def test_what_an_update_left_out_is_not_in_the_outputs_and_gets_no_weight(stack, lab):
    stack.change(rollouts={name: {"phase": 1} for name in ("chat-api", "location-api", "my-worker")})
    stack.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", "--target", "**chat-api**")
    assert rollouts(stack) == {"chat-api": 1}
    told = stack.eco2("advance", "location-api", "--yes")
    assert told.returncode == 1
    assert (
        "rule 13 (one phase up at a time, docs/rules.md): from phase 0 (0 %) to phase 2 (5 %)" in told.stderr
    )
    assert "phase 1 stands here already and was never reached" in told.stderr
    assert "location/location-api-canary" not in lab.items("/apis/apps/v1/deployments")
    # The whole update does what was left out, and then the step is one of many.
    stack.up()
    assert rollouts(stack) == {"chat-api": 1, "location-api": 1, "my-worker": 1}
    assert stack.eco2("advance", "location-api", "--yes").returncode == 0
    assert rollouts(stack)["location-api"] == 2

"""An update with targets: the engine keeps the other services as the state has them."""

from __future__ import annotations

import os
import subprocess
import sys

import pulumi
import pytest

from rollout.prior import ONLY_VARIABLE

NODES = "aws:eks/nodeGroup:NodeGroup"


def services(captured):
    return {one.name for one in captured.resources if one.type == "eco2:service:CanaryService"}


def nodes(captured):
    return {one.name for one in captured.resources if one.type == NODES}


def test_only_the_services_of_an_update_with_targets_are_declared(program, monkeypatch):
    climbed = {
        "config/eco2:rollouts": {"scan-api": {"phase": 2}},
        "config/eco2:overrule": {"scan-api": "a test"},
    }
    program.edit("Pulumi.dev.yaml", **climbed)
    whole = program.run(outputs={})
    assert len(services(whole)) == 13
    # The config takes scan-api back, and that is for another update.
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"auth-api": {"phase": 1}}})
    monkeypatch.setenv(ONLY_VARIABLE, f"{os.getpid()}:auth-api,my-worker")
    captured = program.run(outputs=whole.outputs)
    assert services(captured) == {"auth-api", "my-worker"}
    # What services stand on is the same for all.
    assert nodes(captured) == nodes(whole)
    rollouts = captured.outputs["rollouts"]
    assert rollouts["scan-api"] == whole.outputs["rollouts"]["scan-api"]
    assert (rollouts["auth-api"]["phase"], rollouts["scan-api"]["phase"]) == (1, 2)


@pytest.mark.parametrize("left", ["auth-api", "{pid}:auth-api", "0x1:auth-api"])
def test_a_variable_that_outlived_its_command_is_refused(program, monkeypatch, left):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    monkeypatch.setenv(ONLY_VARIABLE, left.format(pid=ended.pid))
    with pytest.raises(pulumi.RunError, match=r"ECO2_ONLY: is set by eco2 .* unset it"):
        program.run(outputs={})

"""An update with targets: the engine keeps the other services as the state has them."""

from __future__ import annotations

import os
import subprocess
import sys

import pulumi
import pytest

from eco2.stack.dry_run import _Answers
from rollout.plan.prior import ONLY_VARIABLE
from tests.unit.priors import entry

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
    assert nodes(whole)
    assert nodes(captured) == set()
    rollouts = captured.outputs["rollouts"]
    assert rollouts["scan-api"] == whole.outputs["rollouts"]["scan-api"]
    assert (rollouts["auth-api"]["phase"], rollouts["scan-api"]["phase"]) == (1, 2)


ARN = "arn:aws:eks:ap-northeast-2:999999999999:cluster/{}"
ANSWER = "arn:aws:eks:ap-northeast-2:123456789012:cluster/eco2-dev"


def provider(name="eco2-dev"):
    kind = "pulumi:providers:kubernetes"
    urn = f"urn:pulumi:dev::eco2::eco2:cluster:Cluster${kind}::kubernetes"
    return {urn: {"type": kind, "outputs": {"clusterIdentifier": ARN.format(name)}}}


@pytest.mark.parametrize(
    ("phase", "only", "resources", "expected"),
    [
        # Whatever goes back does not wait for AWS.
        (0, "", provider(), ARN.format("eco2-dev")),
        (3, "auth-api", provider(), ARN.format("eco2-dev")),
        # All else does: a cluster of the same name in another account is another one.
        (3, "", provider(), ANSWER),
        (0, "", provider("eco2-old"), ANSWER),
        (0, "", {}, ANSWER),
    ],
)
def test_a_way_back_knows_its_cluster_by_the_state(program, monkeypatch, phase, only, resources, expected):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"auth-api": {"phase": phase}}})
    if only:
        monkeypatch.setenv(ONLY_VARIABLE, f"{os.getpid()}:{only}")
    left = {"auth-api": entry(3, 20, "docker.io/mng990/eco2:auth-api-dev-latest", "a:2")}
    overrule = {"config/eco2:overrule": {"auth-api": "another canary"}} if phase else {}
    program.edit("Pulumi.dev.yaml", **overrule)
    captured = program.run(outputs={"rollouts": left}, resources=resources)
    told = next(one.inputs for one in captured.resources if one.type == "pulumi:providers:kubernetes")
    assert told["clusterIdentifier"] == expected


def test_an_update_of_single_services_asks_aws_nothing(program, monkeypatch):
    asked = []
    answer = _Answers.call
    monkeypatch.setattr(_Answers, "call", lambda own, args: asked.append(args.token) or answer(own, args))
    monkeypatch.setenv(ONLY_VARIABLE, f"{os.getpid()}:auth-api")
    captured = program.run(outputs={"rollouts": {}}, resources=provider())
    assert [token for token in asked if token.startswith("aws:")] == []
    assert [one for one in captured.resources if one.type.startswith("aws:")] == []


@pytest.mark.parametrize("left", ["auth-api", "{pid}:auth-api", "0x1:auth-api"])
def test_a_variable_that_outlived_its_command_is_refused(program, monkeypatch, left):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    monkeypatch.setenv(ONLY_VARIABLE, left.format(pid=ended.pid))
    with pytest.raises(pulumi.RunError, match=r"ECO2_ONLY: is set by eco2 .* unset it"):
        program.run(outputs={})

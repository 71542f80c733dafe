"""A step up looks at the canary's pods, also where the update would change nothing of them."""

from __future__ import annotations

import pytest

from tests.updates import replicas, until, weight

pytestmark = pytest.mark.lab
SERVICES = ("chat-api", "my-api")
NAME = "chat/chat-api"
CANARY = "/apis/apps/v1/namespaces/chat/deployments/chat-api-canary"


def refused(stack, lab, told):
    before = stack.file.read_text()
    done = stack.eco2("advance", "chat-api", "--yes")
    assert done.returncode == 1, done.stdout + done.stderr
    words = " ".join(done.stderr.split())
    assert f"chat-api must not get more traffic: {told}" in words
    assert "eco2 abort chat-api" in words
    assert stack.file.read_text() == before
    assert weight(lab, NAME) == 5


def header(lab, name):
    """Whether a VirtualService has a rule for the canary's header."""
    spec = lab.items("/apis/networking.istio.io/v1/virtualservices")[name]["spec"]
    return any("headers" in match for rule in spec["http"] for match in rule.get("match", ()))


def refused_by_the_program(stack, lab, told):
    """Preview and update by Pulumi alone, with the next phase in the file."""
    before = stack.file.read_text()
    stack.set("eco2:rollouts.chat-api.phase", "3")
    for command in (["preview"], ["up", "--yes", "--skip-preview"]):
        done = stack.pulumi(*command, check=False)
        assert done.returncode, done.stdout
        words = " ".join(done.stdout.split())
        assert f"eco2:rollouts.chat-api: its canary must not get more traffic: {told}" in words
        assert f"`eco2 abort chat-api --stack {stack.name}`" in words
    assert weight(lab, NAME) == weight(lab, f"{NAME}-mesh") == 5
    stack.file.write_text(before)


def test_routes_look_again_when_they_move(stack, lab):
    """A canary that an earlier update brought, without its routes, and that somebody deleted since."""
    stack.set("eco2:rollouts.my-api.phase", "1")
    # Before anything has moved: later the engine refuses targets by hand, since the state has another order.
    stack.pulumi("up", "--yes", "--skip-preview", "--target=**Deployment::my-api-canary")
    lab.api.request("DELETE", "/apis/apps/v1/namespaces/my/deployments/my-api-canary")
    until(lambda: "my/my-api-canary" not in lab.items("/apis/apps/v1/deployments"), "the Deployment's end")
    for flags in ([], ["--continue-on-error"]):
        done = stack.pulumi("up", "--yes", "--skip-preview", *flags, check=False)
        assert done.returncode, done.stdout
        told = "the routes of my-api stay where they are: Deployment my-api-canary is not there"
        assert told in " ".join(done.stdout.split())
        assert not header(lab, "my/my-api")
        assert not header(lab, "my/my-api-mesh")
    # The state can be read, and both ways on are open.
    stack.pulumi("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    assert header(lab, "my/my-api")
    stack.advance("my-api", 0)
    assert stack.changes() == []


def test_no_step_up_onto_a_canary_that_is_dead_or_gone(stack, lab):
    stack.climb("chat-api", 1)
    fit = stack.eco2("advance", "chat-api", "--yes")
    assert fit.returncode == 0, fit.stdout + fit.stderr
    assert weight(lab, NAME) == 5
    lab.command("behave", "chat-api-dev-canary", "--unready")
    until(lambda: replicas(lab, f"{NAME}-canary")[1] == 0, "the canary's pods to fail")
    refused(stack, lab, "0 of ")
    refused_by_the_program(stack, lab, "0 of 1 pods are ready")
    lab.command("behave", "--reset")
    lab.api.request("DELETE", CANARY)
    until(lambda: f"{NAME}-canary" not in lab.items("/apis/apps/v1/deployments"), "the Deployment's end")
    refused(stack, lab, "Deployment chat-api-canary is not there")
    refused_by_the_program(stack, lab, "Deployment chat-api-canary is not there")
    # The way that the refusal names.
    back = stack.eco2("abort", "chat-api")
    assert back.returncode == 0, back.stdout + back.stderr
    assert weight(lab, NAME) == 0
    assert stack.changes() == []

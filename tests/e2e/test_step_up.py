"""A step up looks at the canary's pods, also where the update would change nothing of them."""

from __future__ import annotations

import pytest

from tests.updates import replicas, until, weight

pytestmark = pytest.mark.lab
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


def test_no_step_up_onto_a_canary_that_is_dead_or_gone(stack, lab):
    stack.climb("chat-api", 1)
    fit = stack.eco2("advance", "chat-api", "--yes")
    assert fit.returncode == 0, fit.stdout + fit.stderr
    assert weight(lab, NAME) == 5
    lab.command("behave", "chat-api-dev-canary", "--unready")
    until(lambda: replicas(lab, f"{NAME}-canary")[1] == 0, "the canary's pods to fail")
    refused(stack, lab, "0 of ")
    lab.command("behave", "--reset")
    lab.api.request("DELETE", CANARY)
    until(lambda: f"{NAME}-canary" not in lab.items("/apis/apps/v1/deployments"), "the Deployment's end")
    refused(stack, lab, "Deployment chat-api-canary is not there")
    # The way that the refusal names.
    back = stack.eco2("abort", "chat-api")
    assert back.returncode == 0, back.stdout + back.stderr
    assert weight(lab, NAME) == 0
    assert stack.changes() == []

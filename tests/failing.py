"""A canary of chat-api that fails while users send requests, and what of that they meet."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.traffic import HOST, PATHS, Traffic, inside
from tests.updates import replicas, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Lab, Stack

CHAT, CANARY = PATHS["chat-api"], "chat/chat-api-canary"
STABLE, IMAGE = "chat-api-dev-latest", "chat-api-dev-canary"
RATE = 100
SECONDS_BEFORE, SECONDS_AFTER = 3, 11
IN_FLIGHT_SECONDS, IN_FLIGHT = 0.5, 5
"""What a pod was just answering when it was killed is lost, and no route can help it: the proxy may not send it again.
(Istio's own retries are for connections that fail and streams that are refused, and not for an answer that breaks
off.) So many requests of that moment may fail, and none after. Mostly none does; once it was four."""
_PODS = "/api/v1/namespaces/chat/pods"


def unready(lab: Lab) -> None:
    """Its readiness probe fails."""
    lab.command("behave", IMAGE, "--unready")


def answers_500(lab: Lab) -> None:
    """To everything."""
    lab.command("behave", IMAGE, "--status", "500")


def every_second_one(lab: Lab) -> None:
    """500 to every second request."""
    lab.command("behave", IMAGE, "--status", "500", "--share", "0.5")


def hangs(lab: Lab) -> None:
    """Takes requests and never answers."""
    lab.command("behave", IMAGE, "--hang")


def crashes(lab: Lab) -> None:
    """Again and again, each time soon after it is ready."""
    lab.command("behave", IMAGE, "--crash")


def lost(lab: Lab) -> None:
    """With its node: neither answers nor connections, and Kubernetes has not noticed."""
    lab.command("behave", IMAGE, "--lost")


def deleted(lab: Lab) -> None:
    """By force; those in their place take 5 s."""
    lab.command("behave", IMAGE, "--start", "5", "--only-new")
    for pod in lab.api.request("GET", f"{_PODS}?labelSelector=version%3Dv2")["items"]:
        lab.api.request("DELETE", f"{_PODS}/{pod['metadata']['name']}?gracePeriodSeconds=0")


@contextmanager
def users(lab: Lab, where: str) -> Iterator[Traffic]:
    """Requests from `outside`, by the gateway, or from `inside` the mesh."""
    host, options = (HOST, ()) if where == "outside" else (inside("chat-api"), ("--inside",))
    with Traffic(lab, host, (CHAT,), rate=RATE, options=options) as told:
        yield told


def broken(lab: Lab, where: str, fault: Callable[[Lab], object], title: str = "20 %") -> dict[str, Any]:
    """What users meet while the canary breaks.

    Returns:
        The counts of `lab traffic`, `struck`: when the fault had come, and `killed`: whether it killed pods.
    """
    with users(lab, where) as plain:
        time.sleep(SECONDS_BEFORE)
        fault(lab)
        struck = time.time()
        time.sleep(SECONDS_AFTER)
    told = {**plain.told, "struck": struck, "killed": fault is deleted}
    when = [round(one["at"] - struck, 1) for one in told["failures"]]
    print(
        f"{fault.__name__} at {title}, {where}: {told['failed']} of {told['sent']} failed, {told['answers']}, {when}"
    )
    assert told["sent"] > RATE * (SECONDS_BEFORE + SECONDS_AFTER) * 0.8
    return told


def assert_at_most(told: dict[str, Any], most: int) -> None:
    """So many failed; 0: none but what pods were just answering when they were killed."""
    if most or not told["killed"]:
        assert told["failed"] <= most, told["failures"]
        return
    then = [one for one in told["failures"] if abs(one["at"] - told["struck"]) <= IN_FLIGHT_SECONDS]
    assert told["failed"] == len(then) <= IN_FLIGHT, told["failures"]


def assert_over(told: dict[str, Any], seconds: int = 4) -> None:
    """None failed in the last seconds."""
    assert not [one for one in told["seconds"][-seconds:] if one.get("failed")], told["seconds"]


def mend(lab: Lab) -> None:
    """Lets it behave well, and waits until it is ready again."""

    def ready() -> bool:
        wanted, there = replicas(lab, CANARY)
        return 0 < wanted == there

    lab.command("behave", "--reset")
    until(ready, "the canary, ready again")
    time.sleep(1)


def at(stack: Stack, phase: int) -> None:
    """Takes chat-api to a phase."""
    stack.change(rollouts={"chat-api": {"phase": phase}}, overrule={"chat-api": "each test begins anew"})
    stack.change(readyTimeoutSeconds=60)
    stack.up()

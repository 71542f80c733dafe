"""The first stroke of an abort as a person sees it: when it began, what it moved, and whether proxies know."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from eco2.abort.proxies import in_words, look_at_istiod, why_it_is_not_known
from eco2.abort.routes import strike
from eco2.background import Later
from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eco2.abort.files import Place
    from eco2.abort.request import AbortRequest
    from eco2.abort.routes import Stroke
    from kube.cluster import ClusterClient

ISTIOD_SECONDS = 1.5
"""After so long, it is said that istiod is being asked."""


@dataclass(frozen=True)
class Ready:
    """All that the first stroke needs.

    Attributes:
        request: What to take back.
        cluster: Where the routes are.
        services: The services, with their places.
    """

    request: AbortRequest
    cluster: ClusterClient
    services: Mapping[str, Place]


@dataclass(frozen=True)
class FirstStroke:
    """What the first stroke has done.

    Attributes:
        strokes: One a service.
        began: When it began, by the monotonic clock.
        ended: When it ended, in seconds since the epoch.
        silent: Why proxies do not know of it yet, or may not; empty where they do.
    """

    strokes: list[Stroke]
    began: float
    ended: float
    silent: str = ""


def first_stroke(ready: Ready, say: Callable[[str], None], began: float | None = None) -> FirstStroke:
    """Takes the canaries out of all routes, and the pods from those of workers.

    Args:
        ready: Where they are.
        say: Takes a line for the user.
        began: When the whole began, by the monotonic clock; None: now.
    """
    began = time.monotonic() if began is None else began
    cluster, services = ready.cluster, ready.services
    istiod = Later(partial(look_at_istiod, cluster))
    strokes = strike(cluster, services, services)
    struck_at, took = time.time(), time.monotonic() - began
    if not istiod.wait(ISTIOD_SECONDS) and (found := [one.service for one in strokes if one.found]):
        say(
            f"{', '.join(found)}: what could be written is; whether istiod hands it on to proxies is being asked"
        )
    down, unseen = istiod.result()
    told = in_words(down, why_it_is_not_known(cluster))
    say_what_moved(strokes, took, told or unseen, say)
    return FirstStroke(strokes, began, struck_at, told)


def say_what_moved(strokes: Collection[Stroke], took: float, silent: str, say: Callable[[str], None]) -> None:
    """Says what the first stroke did.

    Args:
        strokes: What it did.
        took: For how long, in seconds.
        silent: That proxies do not know it, or that it was not looked at, and why; empty where they do.
        say: Takes a line for the user.
    """
    moved = [stroke for stroke in strokes if stroke.moved and not stroke.unrouted]
    for stroke in moved:
        whole = not stroke.failure and not stroke.missing and not silent
        what = "all traffic" if whole else ", ".join(stroke.moved)
        say(f"{stroke.service}: {what} to stable after {took:.2f} s")
    if there := [
        one.service for one in strokes if one.found and not (one.moved or one.failure or one.missing)
    ]:
        say(f"{', '.join(there)}: routes lead to stable already")
    if silent and (moved or there):
        say(silent)
    for stroke in strokes:
        if stroke.resting:
            say(f"{canary_name(stroke.service)}: {stroke.resting}")
        if stroke.noted:
            told = "takes its work from queues; whether it has routes besides is not known"
            say(f"{stroke.service}: {told}: {stroke.noted}")

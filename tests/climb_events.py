"""Events of climbs that were never run, for what tells them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from eco2.climb.events import Began, Entry, Looked
from rollout.judge.verdict import Verdict, Weighed
from tests.climbs import BEGAN, WEIGHTS


def at(seconds, event):
    return Entry(BEGAN + timedelta(seconds=seconds), event)


def began(*services, **more):
    return at(
        0,
        replace(
            Began(
                "prod", services, 5, True, 600, 7200, {}, dict.fromkeys(services, 2), True,
                dict.fromkeys(services, 5), dict.fromkeys(services, WEIGHTS), dict.fromkeys(services, 95.0),
            ),
            **more,
        ),
    )  # fmt: skip


def looked(seconds, *parts, service="auth-api", answer="not known", **more):
    given = {
        "requests": {"stable": 7600, "canary": 400}, "failed": {"stable": 8, "canary": 1},
        "latency_ms": {"stable": 25.0, "canary": 1250.0}, "seconds_in_phase": 40.0, **more,
    }  # fmt: skip
    parts = parts or (
        Weighed("failed", answer, "0.2 % of 400 requests failed", 0.25, 0.5),
        Weighed("slow", "well", "4.9 % of 400 requests were slow", 0.1, 0.75),
        Weighed("pods", "well", "2 of 2 pods ready, no restarts"),
    )
    return at(seconds, Looked(service, 2, 5, verdict=Verdict(service, answer, parts), **given))

"""What the rules of a canary cost in time: requests through the gateway, beside routes that have none of them.

All ways take turns in one run, so that a machine that drifts drifts for all, and what counts is the ratio.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from tests.bench import ours
from tests.bench.faults import saying, without_fallback
from tests.traffic import HOST, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SECONDS = 15.0
USERS = 100
PERCENTILES = {"median": "p50", "p99": "p99"}
"""What is measured of a load, as the lab and as people call it."""


COOKIE = "eco2-bench"
WAYS = ("fallback", "all", "alone")
"""With the subset that falls back; with a cookie that keeps users beside it; with neither. All match the header that
goes along a chain of calls."""


def compare(on: ours.Bench, runs: int) -> Iterator[dict[str, Any]]:
    """The times of requests at 20 %, each way by turns.

    Yields:
        One run each, in milliseconds by way: `{"fallback": {"median": 2.1, "p99": 5.0}, "all": …, "alone": …}`.
    """
    for number in range(runs):
        # Each goes first in turn.
        first = number % len(WAYS)
        yield {way: _times(on, way) for way in (*WAYS[first:], *WAYS[:first])}


def _times(on: ours.Bench, way: str) -> dict[str, float]:
    if way == "alone":
        with without_fallback(on):
            return _measured(on)
    if way == "all":
        with saying(on, stickiness={"cookie": COOKIE}):
            return _measured(on, "--users", str(USERS))
    return _measured(on)


def _measured(on: ours.Bench, *options: str) -> dict[str, float]:
    on.jump(3)
    with Traffic(on.lab, HOST, (ours.PATH,), ours.RATE, options) as users:
        time.sleep(SECONDS)
    assert not users.told["failed"], users.told["failures"]
    return {key: users.told["latencyMs"][key] for key in PERCENTILES}


def medians(runs: Iterable[Mapping[str, Any]], percentile: str) -> dict[str, float]:
    """The medians over all runs of a percentile, in milliseconds by way; ways that were not measured are left out."""
    rows = list(runs)
    found = {way: [one[way][percentile] for one in rows if way in one] for way in WAYS}
    return {way: statistics.median(times) for way, times in found.items() if times}

"""What the subset that falls back costs in time: requests through the gateway, beside routes without it.

Both ways take turns in one run, so that a machine that drifts drifts for both, and what counts is the ratio.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from tests.bench import ours
from tests.bench.faults import without_fallback
from tests.traffic import HOST, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SECONDS = 15.0
PERCENTILES = {"median": "p50", "p99": "p99"}
"""What is measured of a load, as the lab and as people call it."""


def compare(on: ours.Bench, runs: int) -> Iterator[dict[str, Any]]:
    """The times of requests at 20 %, with the fallback and alone, by turns.

    Yields:
        One run each, in milliseconds: `{"fallback": {"median": 2.1, "p99": 5.0}, "alone": …}`.
    """
    for number in range(runs):
        told = {}
        # Each goes first in turn.
        for way in ("fallback", "alone")[:: -1 if number % 2 else 1]:
            told[way] = _alone(on) if way == "alone" else _times(on)
        yield told


def _alone(on: ours.Bench) -> dict[str, float]:
    with without_fallback(on):
        return _times(on)


def _times(on: ours.Bench) -> dict[str, float]:
    on.jump(3)
    with Traffic(on.lab, HOST, (ours.PATH,), ours.RATE) as users:
        time.sleep(SECONDS)
    assert not users.told["failed"], users.told["failures"]
    return {key: users.told["latencyMs"][key] for key in PERCENTILES}


def medians(runs: Iterable[Mapping[str, Any]], percentile: str) -> tuple[float, float]:
    """The medians over all runs of a percentile, with the fallback and alone, in milliseconds."""
    rows = list(runs)
    with_it, alone = (
        statistics.median(one[way][percentile] for one in rows) for way in ("fallback", "alone")
    )
    return with_it, alone

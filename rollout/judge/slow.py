"""Slow requests: those slower than a quantile of stable's own, from the buckets of a histogram.

Where the line is must be known before the requests that it divides: drawn through the same requests, it would follow
what it is to judge. So it comes from what stable did earlier, and both versions are counted by it.
"""

from __future__ import annotations

from math import isfinite, isinf
from typing import TYPE_CHECKING

from rollout.judge.observations import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    Buckets = Mapping[float, float]
    """Requests that took at most so long, by the bucket's upper end; the last one ends at infinity."""


def slow_from(stable: Buckets, quantile: float) -> float | Unknown:
    """From which duration on a request is slow: the first end of a bucket that holds the quantile of stable.

    Args:
        stable: How many of stable's earlier requests each bucket holds.
        quantile: Such as 0.95: at most one of stable's in 20 is slow.
    """
    if why := _fault(stable):
        return Unknown(why)
    ends = sorted(stable)
    enough = quantile * stable[ends[-1]]
    line = next(end for end in ends if stable[end] >= enough)
    if isinf(line):
        return Unknown(f"the buckets end at {ends[-2]:g}, and more of stable's requests are slower")
    return line


def _fault(buckets: Buckets) -> str:
    """Why these are no counts of requests; empty if they are."""
    ends = sorted(buckets)
    if len(ends) <= 1 or not isinf(ends[-1]):
        return "no histogram with buckets to infinity"
    counts = [buckets[end] for end in ends]
    if not all(isfinite(one) and one >= 0 for one in counts):
        return "the histogram holds something else than counts"
    if counts != sorted(counts):
        return "a bucket holds fewer than a smaller one: they were scraped at different times"
    return "" if counts[-1] else "no requests in the histogram"

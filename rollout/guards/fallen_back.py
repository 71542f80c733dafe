"""Has a canary fallen back to stable? By what was counted, since no object of the cluster tells (rule 19).

What makes it fall back is a subset of the DestinationRule: `rollout.traffic.subsets`.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from rollout.judge.share import LEAST_SHORTAGE
from rollout.traffic.ladder import FULL_WEIGHT

FEWEST_REQUESTS: Final = 100
"""With fewer, a share says nothing."""

DEVIATIONS: Final = 3.2905
"""Standard deviations of a normal distribution that hold 99.9 %: one look in 2,000 is wrong by chance."""


def fell_back(weight: int, canary: float, total: float) -> bool:
    """Whether a canary answered clearly fewer requests than its weight sends to it.

    Requests with the header add to its part, and never hide more than they are.

    Args:
        weight: The weight in per cent.
        canary: Requests that it answered.
        total: Requests that both versions answered.
    """
    if not weight or total < FEWEST_REQUESTS:
        return False
    share = weight / FULL_WEIGHT
    expected, deviation = total * share, sqrt(total * share * (1 - share))
    return canary < expected - max(DEVIATIONS * deviation, LEAST_SHORTAGE * expected) - 1


def fallen_back(weight: int, canary: float, total: float, seconds: int) -> str:
    """How one sees that a canary has fallen back; empty where it has not.

    Args:
        weight: The weight in per cent.
        canary: Requests that it answered.
        total: Requests that both versions answered.
        seconds: How far back they were counted.
    """
    if not fell_back(weight, canary, total):
        return ""
    got = f"got {FULL_WEIGHT * canary / total:.1f} % of {total:.0f} requests in {seconds} s"
    return (
        f"{got}: it has fallen back, since its pods answer with errors; or its weight rose within that time"
    )

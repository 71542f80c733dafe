"""Does a canary answer its share of the requests? If not, it has fallen back to stable, or they reach no pod (rule 19).

Routes send each request to the canary with a chance of its weight, so few answers of its own are evidence. As in `bets`
it may be looked at always: each batch multiplies what was staked by the likelihood ratio of a smaller share and the
smallest one that is allowed. Where the share is at least that, the mean of the ratio is at most 1, so it ever reaches
1/alpha with a chance of at most alpha (Ville). Requests with the header add to the canary's, and Istio's metrics do not
tell them apart: at a small weight a prober that sends some of them hides that all users have fallen back. Capital
enters batch by batch (`bets.entering`), since nobody knows when a canary falls back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log
from typing import Final

from rollout.judge.bets import LARGEST, MOST_LOG, entering
from rollout.traffic.ladder import FULL_WEIGHT

EXPECTED: Final = (0.02, 0.5, 0.9)
"""What may be left of a canary's share, as parts of it: one bettor each, with equal parts of the capital."""

LEAST_SHORTAGE: Final = 0.02
"""Of a canary's share. Less is a pod that restarted, a retry or a count that began late: at full weight, where
chance plays no part, two requests would be enough otherwise."""

PART: Final = 0.1
"""Of the chance of a false answer: what this sign may add to it."""

TOLD: Final = 4
"""The last batches, of which words give the figures."""


@dataclass(frozen=True)
class Share:
    """The evidence that a canary does not answer its share. Values: `after` gives the next one.

    Attributes:
        weight: Its weight in per cent; above 0.
        false_alarm: The chance of a false answer that the judge may have, as a part of 1.
        capital: What each bettor has.
        batches: How many there were.
        last: The last ones: requests that it answered, all requests, and seconds.
        lacks: Whether the evidence has ever reached its bound. It stays: the bound is of all looks.
    """

    weight: int
    false_alarm: float
    capital: tuple[float, ...] = (0.0,) * len(EXPECTED)
    batches: int = 0
    last: tuple[tuple[float, float, float], ...] = ()
    lacks: bool = False

    def after(self, canary: float, total: float, seconds: float) -> Share:
        """With one more batch.

        Args:
            canary: Requests that it answered.
            total: All requests, also those that reached no pod.
            seconds: In how long a time.
        """
        if not total:
            return self
        number, allowed = self.batches + 1, self.weight / FULL_WEIGHT * (1 - LEAST_SHORTAGE)
        capital = tuple(
            min((had + entering(number)) * exp(min(ratio, MOST_LOG)), LARGEST)
            for had, ratio in zip(self.capital, _ratios(canary, total, allowed), strict=True)
        )
        lacks = sum(capital) / len(capital) >= 1 / (PART * self.false_alarm)
        last = self.last if self.lacks else (*self.last, (canary, total, seconds))[-TOLD:]
        return replace(self, capital=capital, batches=number, last=last, lacks=self.lacks or lacks)

    def words(self, *, falls_back: bool) -> str:
        """How one sees it; empty where it answers its share.

        Args:
            falls_back: Whether stable takes what it does not.
        """
        if not self.lacks:
            return ""
        canary, total, seconds = (sum(column) for column in zip(*self.last, strict=True))
        got = f"has {self.weight} % and got {FULL_WEIGHT * canary / total:.1f} % of {total:,.0f} requests"
        fell = "it has fallen back, since its pods answer with errors"
        return f"{got} in {seconds:.0f} s: {fell if falls_back else 'requests do not reach its pods'}"


def _ratios(canary: float, total: float, allowed: float) -> list[float]:
    """The logarithm of the likelihood ratio of each share that is expected, and the least that is allowed."""
    expected = [part * allowed for part in EXPECTED]
    return [
        canary * log(one / allowed) + (total - canary) * log((1 - one) / (1 - allowed)) for one in expected
    ]

"""Requests of a canary and of stable that only exist as counts, for rules that judge them."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from math import cos, exp, lgamma, log, log1p, pi, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    Counted = tuple[int, int, int, int]
    """Canary's requests, its failed ones, stable's requests, its failed ones: of one look."""

HOURS = 7200
"""Seconds of a rollout."""


@lru_cache(maxsize=200_000)
def _table(number: int, chance: float) -> tuple[int, list[float]]:
    """The binomial distribution as sums, without what happens once in 10^15 times."""
    mean, width = number * chance, 9 * sqrt(number * chance * (1 - chance)) + 12
    first, last = max(0, int(mean - width)), min(number, int(mean + width))
    top = lgamma(number + 1)
    odds = (log(chance), log1p(-chance))
    parts = [
        exp(top - lgamma(one + 1) - lgamma(number - one + 1) + one * odds[0] + (number - one) * odds[1])
        for one in range(first, last + 1)
    ]
    return first, list(accumulate(parts))[:-1]


def drawn(dice: random.Random, number: int, chance: float) -> int:
    """How many of so many happen."""
    if not number or not chance:
        return 0
    if chance >= 1:
        return number
    first, sums = _table(number, chance)
    return first + bisect(sums, dice.random())


@dataclass(frozen=True)
class Stream:
    """A rollout's requests.

    Attributes:
        stable: Stable's share of failed requests at a second.
        canary: The canary's.
        rate: Requests a second.
        seconds: Between two looks.
        weight: The canary's.
        cluster: How many requests fail together, each time that one does: a request and its retries.
    """

    stable: Callable[[int], float]
    canary: Callable[[int], float]
    rate: Callable[[int], float]
    seconds: int = 5
    weight: float = 0.05
    cluster: int = 1

    @cached_property
    def _due(self) -> list[tuple[int, float, float]]:
        """Requests in groups that fail together, and the chances of the canary's and of stable's, look by look."""
        return [
            (round(self.rate(at) * self.seconds) // self.cluster, self.canary(at), self.stable(at))
            for at in range(0, HOURS, self.seconds)
        ]

    def looks(self, dice: random.Random) -> Iterator[Counted]:
        """A rollout, look by look."""
        cluster, weight = self.cluster, self.weight
        for number, own, usual in self._due:
            canary = drawn(dice, number, weight)
            failed, worse = drawn(dice, canary, own), drawn(dice, number - canary, usual)
            yield canary * cluster, failed * cluster, (number - canary) * cluster, worse * cluster


def always(value: float) -> Callable[[int], float]:
    return lambda _: value


def burst(at: int) -> float:
    """A minute in every ten in which three in ten fail."""
    return 0.3 if at % 600 >= 540 else 0.001


def drift(at: int) -> float:
    """From one in 1,000 to one in 20, in 50 steps."""
    return 0.001 + 0.049 * (at * 50 // HOURS) / 50


def by_day(at: int) -> float:
    """Up and down once an hour, from 0 to 1, in steps of a minute."""
    return (1 - cos(2 * pi * (at // 60) / 60)) / 2


class Argo:
    """AnalysisTemplate: interval 30 s, failureLimit 3, success rate >= 99 %; no requests: no measurement."""

    interval, limit, least = 30, 4, 0.99

    def __init__(self) -> None:
        self._failed = self._requests = self._bad = 0

    def look(self, until: int, counted: Counted) -> bool:
        self._requests += counted[0]
        self._bad += counted[1]
        if until % self.interval:
            return False
        if self._requests and 1 - self._bad / self._requests < self.least:
            self._failed += 1
        self._requests = self._bad = 0
        return self._failed >= self.limit


class Flagger(Argo):
    """Canary: interval 1 min, threshold 5, request-success-rate 99; no requests: no check."""

    interval, limit = 60, 5


class Kayenta:
    """Mann-Whitney at 98 % on shares a minute, three windows of 10 min; one window that is high ends it."""

    windows, points, interval = 3, 10, 60

    def __init__(self) -> None:
        self._now = [0, 0, 0, 0]
        self._shares: deque[tuple[float, float]] = deque()
        self._window = 0

    def look(self, until: int, counted: Counted) -> bool:
        if self._window >= self.windows:
            return False
        self._now = [one + other for one, other in zip(self._now, counted, strict=True)]
        if until % self.interval:
            return False
        requests, bad, others, worse = self._now
        self._now = [0, 0, 0, 0]
        self._shares.append((bad / requests if requests else 0.0, worse / others if others else 0.0))
        if until % (self.interval * self.points):
            return False
        shares, self._shares = list(self._shares), deque()
        self._window += 1
        return is_higher([one for one, _ in shares], [other for _, other in shares])


def is_higher(ours: list[float], theirs: list[float], deviations: float = 2.3263) -> bool:
    """Mann-Whitney by its normal approximation, with ties: whether the first is higher, at 98 % two-sided."""
    both = sorted([*ours, *theirs])
    ranks: dict[float, float] = {}
    ties = 0.0
    for value in set(both):
        first, number = both.index(value), both.count(value)
        ranks[value] = first + (number + 1) / 2
        ties += number**3 - number
    one, other = len(ours), len(theirs)
    total = one + other
    spread = one * other / 12 * (total + 1 - ties / (total * (total - 1)))
    if spread <= 0:
        return False
    above = sum(ranks[value] for value in ours) - one * (one + 1) / 2 - one * other / 2
    return above - 0.5 > deviations * sqrt(spread)

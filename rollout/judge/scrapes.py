"""Scrapes of proxies, and what came between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from rollout.judge.observations import Batch, Counts, Unknown
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST_SECONDS: Final = 60.0
"""Between two scrapes, and to the last one; four scrapes of the usual 15 s. A counter that was reset in a longer gap
may have passed its old value again."""

NOTHING: Final = Counts(0, 0)


@dataclass(frozen=True)
class NotYet(Unknown):
    """What cannot be told so far, though nothing is amiss: time or traffic will tell."""


@dataclass(frozen=True)
class Gap(Unknown):
    """What nobody counted for some time, and will never be counted: what was well before it may have ended in it."""


@dataclass(frozen=True)
class Scrape:
    """What one proxy had counted at a moment.

    Attributes:
        at: When it was scraped, in seconds.
        counted: Requests and bad ones since each counter began, by version and the series' own name. A sum of series
            would hide the reset of one.
    """

    at: float
    counted: Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True)
class Rise:
    """What came between two looks.

    Attributes:
        canary: Requests that the canary answered.
        stable: Requests that stable answered.
        lost: Requests that reached no pod; the bad ones are those that failed.
        began: From when on, in seconds; infinite if nothing new was scraped.
        seconds: For how long.
    """

    canary: Counts = NOTHING
    stable: Counts = NOTHING
    lost: Counts = NOTHING
    began: float = float("inf")
    seconds: float = 0.0

    @property
    def total(self) -> float:
        """All requests, also those that failed before they reached a pod."""
        return self.canary.requests + self.stable.requests + self.lost.bad

    def batch(self, share: float, *, sticky: bool = False) -> Batch:
        """Both versions' counts, with the failed requests that reached no pod.

        Istio does not say which version these were sent to. They are split as routes split requests, so that an
        outage that both versions share is no evidence against either. If they were the canary's alone, it answers
        fewer than its share, and the same number weighs more on it. At weight 0 they all count as stable's: whether
        they had the header nobody knows, and that the canary has no pods its pods tell. What reached no pod and did not
        fail (an answer of the gateway itself) is neither's.

        Args:
            share: The canary's part of the requests by its routes, 0 to 1.
            sticky: Whether users keep their version, so that it may be sent more than that: then its part is at least
                that by its routes, and at least the one that it answers. It may be sent less, too, and then some of
                stable's count against it: at the cost of going back without need.
        """
        lost, answered = self.lost.bad, self.canary.requests + self.stable.requests
        if sticky and share and answered:
            share = max(share, self.canary.requests / answered)
        ours, theirs = lost * share, lost * (1 - share)
        return Batch(self.canary + Counts(ours, ours), self.stable + Counts(theirs, theirs))


def newest(seen: Iterable[Sequence[Scrape]], enough: float) -> Rise:
    """The newest requests, as far back as it takes to have enough of them, or as scrapes go.

    Args:
        seen: The last scrapes of each proxy, oldest first.
        enough: How many requests are enough.
    """
    proxies = list(seen)
    found = Rise()
    for back in range(1, max(map(len, proxies), default=0)):
        steps = [risen(one[max(len(one) - 1 - back, 0)], one[-1]) for one in proxies if len(one) > 1]
        found = summed(steps) if any(isinstance(one, Rise) for one in steps) else found
        if found.total >= enough:
            break
    return found


def risen(before: Scrape, after: Scrape) -> Rise | Unknown:
    """How far a proxy's counters rose."""
    seconds = after.at - before.at
    if seconds > LONGEST_SECONDS:
        return Gap(f"not scraped for {seconds:.0f} s")
    counts = {}
    for version in before.counted.keys() | after.counted.keys():
        had, has = before.counted.get(version, {}), after.counted.get(version, {})
        if had.keys() - has.keys():
            return NotYet("its counters began anew")
        requests = bad = 0.0
        for name, now in has.items():
            # A counter that was not there before began at zero: its proxy was scraped.
            more, worse = (new - old for new, old in zip(now, had.get(name, (0.0, 0.0)), strict=True))
            if not isfinite(more + worse):
                return Unknown("a counter holds no number")
            if more < 0 or worse < 0 or worse > more:
                return NotYet("its counters began anew")
            requests, bad = requests + more, bad + worse
        counts[version] = Counts(requests, bad)
    lost = [one for version, one in counts.items() if version not in (CANARY_VERSION, STABLE_VERSION)]
    return Rise(
        counts.get(CANARY_VERSION, NOTHING),
        counts.get(STABLE_VERSION, NOTHING),
        sum(lost, NOTHING),
        before.at,
        seconds,
    )


def summed(found: Iterable[Rise | Unknown]) -> Rise:
    """All of them together; those that are unknown are left out."""
    rises = [one for one in found if isinstance(one, Rise)]
    return Rise(
        sum((one.canary for one in rises), NOTHING),
        sum((one.stable for one in rises), NOTHING),
        sum((one.lost for one in rises), NOTHING),
        min(one.began for one in rises),
        max(one.seconds for one in rises),
    )

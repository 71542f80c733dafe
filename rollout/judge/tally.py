"""What proxies counted between two looks: counters of single series, each with the time of its scrape.

Counters only rise, so two scrapes give what came between them. Where they cannot (a reset, a scrape that is missing,
times apart), the answer is `Unknown` with the reason. It is never taken as zero: no failures that nobody counted
would look like health.

**Who counts.** A caller's proxy reports requests to both versions in one scrape, so each proxy is held against itself,
and the rises of all are summed: that gateways are scraped at different times does no harm. Where only the called pod
reports (`apart`), the two versions are scraped at different times. Then a look is as long as it takes until the times
differ by half of it at the most: two scrapes. Counts are not interpolated, since a part of a request that nobody saw
failing is no evidence.

**No new scrape** since the look before is no gap: nothing new is counted, and what was known is still known, as long as
the last scrape is not old. All times are those of the scrapes, and of the same Prometheus' clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING, Final

from rollout.judge.observations import Batch, Counts, Unknown
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_SECONDS: Final = 60.0
"""Between two scrapes, and to the last one; four scrapes of the usual 15 s. A counter that was reset in a longer gap
may have passed its old value again."""

FARTHEST_APART: Final = 0.5
"""Of the time between two looks: by how much the times of scrapes may differ. With more, a burst that hit both
versions falls into the count of one alone."""

LATE: Final = 1.5
"""Of the time between its scrapes: a pod that is so much behind the others is waited for no longer."""

NOTHING: Final = Counts(0, 0)


@dataclass(frozen=True)
class NotYet(Unknown):
    """What cannot be told so far, though nothing is amiss: time or traffic will tell."""


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

    def batch(self, share: float | None) -> Batch:
        """Both versions' counts, with the failed requests that reached no pod.

        Istio does not say which version these were sent to. They are split as routes split requests, so that an
        outage that both versions share is no evidence against either. If they were the canary's alone, it answers
        fewer than its share, and the same number weighs more on it. At weight 0 they all count as stable's: whether
        they had the header nobody knows, and that the canary has no pods its pods tell. What reached no pod and did not
        fail (an answer of the gateway itself) is neither's.

        Args:
            share: The canary's part of the requests by its routes, 0 to 1; None where it is not that of each request,
                since users keep their version: then the part that was counted.
        """
        lost, answered = self.lost.bad, self.canary.requests + self.stable.requests
        if share is None:
            share = self.canary.requests / answered if answered else 0.0
        ours, theirs = lost * share, lost * (1 - share)
        return Batch(self.canary + Counts(ours, ours), self.stable + Counts(theirs, theirs))


@dataclass(frozen=True)
class Tally:
    """The counters of a phase so far. Values: `after` gives the next one.

    Attributes:
        since: When the phase began, in seconds. Scrapes from before have requests of the phase before in them.
        apart: Whether each version is counted by its own pods.
        before: The last scrape that is counted up to, by proxy.
        counting: Whether there was a rise.
    """

    since: float
    apart: bool = False
    before: Mapping[str, Scrape] = field(default_factory=dict)
    counting: bool = False

    def after(self, seen: Mapping[str, Sequence[Scrape]], now: float) -> tuple[Tally, Rise | Unknown]:
        """What came since the look before.

        Args:
            seen: The last scrapes of each proxy, oldest first, at least one.
            now: The time by the clock of who scraped, in seconds.
        """
        if not seen:
            return self, NotYet("no request to it was counted")
        newest = max(scrapes[-1].at for scrapes in seen.values())
        if now - newest > LONGEST_SECONDS:
            return self, Unknown(f"the newest counts are {now - newest:.0f} s old")
        chosen = _at_one_time(seen, newest) if self.apart else {one: all_[-1] for one, all_ in seen.items()}
        chosen = {
            one: scrape
            for one, scrape in chosen.items()
            if scrape.at >= self.since and scrape.at > getattr(self.before.get(one), "at", 0.0)
        }
        again = {one: scrape for one, scrape in chosen.items() if one in self.before}
        following = replace(self, before=chosen | dict(self.before))
        if not again:
            return following, self._nothing_new()
        if self.apart and (apart := self._too_far_apart(again)):
            if newest - min(self.before[one].at for one in again) > LONGEST_SECONDS:
                return replace(self, before=chosen), Unknown(apart)
            return following, self._nothing_new()
        return _counted(following, again)

    def _nothing_new(self) -> Rise | Unknown:
        return Rise() if self.counting else NotYet("two scrapes since the beginning are awaited")

    def _too_far_apart(self, again: Mapping[str, Scrape]) -> str:
        """Why scrapes of different pods cannot be compared; empty if they can."""
        began, ended = [self.before[one].at for one in again], [scrape.at for scrape in again.values()]
        shortest = min(end - begin for begin, end in zip(began, ended, strict=True))
        apart = max(max(began) - min(began), max(ended) - min(ended))
        if apart <= FARTHEST_APART * shortest:
            return ""
        return f"canary and stable were counted {apart:.1f} s apart: their times cannot be compared"


def _counted(tally: Tally, again: Mapping[str, Scrape]) -> tuple[Tally, Rise | Unknown]:
    """What came until these scrapes."""
    found = {one: _between(tally.before[one], scrape) for one, scrape in again.items()}
    faults = {one: rise.why for one, rise in found.items() if isinstance(rise, Unknown)}
    if faults:
        # Only these begin anew. What the others counted comes with the next look.
        anew = {one: again[one] for one in faults}
        told = "; ".join(f"{one}: {why}" for one, why in sorted(faults.items()))
        return replace(tally, before={**tally.before, **anew}), Unknown(told)
    following = replace(tally, before={**tally.before, **again}, counting=True)
    return following, _sum([rise for rise in found.values() if isinstance(rise, Rise)])


def _at_one_time(seen: Mapping[str, Sequence[Scrape]], newest: float) -> dict[str, Scrape]:
    """The scrape of each pod that is nearest to a time that all have reached."""

    def keeps_up(scrapes: Sequence[Scrape]) -> bool:
        between = scrapes[-1].at - scrapes[-2].at if len(scrapes) > 1 else LONGEST_SECONDS
        return newest - scrapes[-1].at <= LATE * between

    live = {one: scrapes for one, scrapes in seen.items() if keeps_up(scrapes)}
    common = min(scrapes[-1].at for scrapes in live.values())
    return {
        one: min(scrapes, key=lambda scrape: (abs(scrape.at - common), scrape.at))
        for one, scrapes in live.items()
    }


def _between(before: Scrape, after: Scrape) -> Rise | Unknown:
    """How far a proxy's counters rose."""
    seconds = after.at - before.at
    if seconds > LONGEST_SECONDS:
        return Unknown(f"not scraped for {seconds:.0f} s")
    counts = {}
    for version in before.counted.keys() | after.counted.keys():
        had, has = before.counted.get(version, {}), after.counted.get(version, {})
        if had.keys() - has.keys():
            return Unknown("its counters began anew")
        requests = bad = 0.0
        for name, now in has.items():
            # A counter that was not there before began at zero: its proxy was scraped.
            more, worse = (new - old for new, old in zip(now, had.get(name, (0.0, 0.0)), strict=True))
            if not isfinite(more + worse):
                return Unknown("a counter holds no number")
            if more < 0 or worse < 0 or worse > more:
                return Unknown("its counters began anew")
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


def _sum(rises: Sequence[Rise]) -> Rise:
    return Rise(
        sum((one.canary for one in rises), NOTHING),
        sum((one.stable for one in rises), NOTHING),
        sum((one.lost for one in rises), NOTHING),
        min(one.began for one in rises),
        max(one.seconds for one in rises),
    )

"""What proxies counted between two looks: counters of single series, each with the time of its scrape.

Counters only rise, so two scrapes give what came between them. Where they cannot (a reset, a scrape that is missing,
times apart), the answer is `Unknown` with the reason. It is never taken as zero: no failures that nobody counted
would look like health.

**Who counts.** A caller's proxy reports requests to both versions in one scrape, so each proxy is held against itself,
and the rises of all are summed: that gateways are scraped at different times does no harm. Where only the called pod
reports (`apart`), the two versions are scraped at different times. Then a look is as long as it takes until the times
differ by half of it at the most: one scrape or two. Counts are not interpolated, since a part of a request that nobody
saw failing is no evidence.

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
    from collections.abc import Iterable, Mapping, Sequence

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
        return _of_pods(self, seen, newest) if self.apart else _of_callers(self, seen)

    @property
    def nothing_new(self) -> Rise | Unknown:
        """What a look without a new scrape says."""
        return Rise() if self.counting else NotYet("two scrapes since the beginning are awaited")


def _of_callers(tally: Tally, seen: Mapping[str, Sequence[Scrape]]) -> tuple[Tally, Rise | Unknown]:
    """What callers' proxies counted, each since its own last scrape."""
    last = {one: scrapes[-1] for one, scrapes in seen.items() if scrapes[-1].at >= tally.since}
    before = {**last, **tally.before}
    again = {one: scrape for one, scrape in last.items() if scrape.at > before[one].at}
    found = {one: _between(before[one], scrape) for one, scrape in again.items()}
    if fault := _fault(found):
        # Only those with a fault begin anew. What the others counted comes with the next look.
        anew = {one: again[one] for one, rise in found.items() if isinstance(rise, Unknown)}
        return replace(tally, before={**before, **anew}), fault
    following = replace(tally, before={**before, **again}, counting=tally.counting or bool(again))
    return following, _sum(found.values()) if again else tally.nothing_new


def _of_pods(
    tally: Tally, seen: Mapping[str, Sequence[Scrape]], newest: float
) -> tuple[Tally, Rise | Unknown]:
    """What the called pods counted, all since about the same time."""
    chosen, before = _at_one_time(seen, newest), tally.before
    anew = replace(tally, before=chosen)
    if min(scrape.at for scrape in chosen.values()) < tally.since:
        return tally, tally.nothing_new
    both = chosen.keys() & before.keys()
    if not both:
        return anew, tally.nothing_new
    shortest = min(chosen[one].at - before[one].at for one in both)
    apart = max(_spread(before[one].at for one in both), _spread(chosen[one].at for one in both))
    if apart > FARTHEST_APART * shortest or not shortest:
        if newest - min(before[one].at for one in both) <= LONGEST_SECONDS:
            return tally, tally.nothing_new
        return anew, Unknown(f"its pods were scraped {apart:.0f} s apart: their times cannot be compared")
    found = {one: _between(before[one], chosen[one]) for one in both}
    if fault := _fault(found):
        return anew, fault
    return replace(anew, counting=True), _sum(found.values())


def _fault(found: Mapping[str, Rise | Unknown]) -> Unknown | None:
    """Why rises cannot be summed; None if they can."""
    faults = {one: rise for one, rise in found.items() if isinstance(rise, Unknown)}
    told = "; ".join(f"{one}: {rise.why}" for one, rise in sorted(faults.items()))
    passing = all(isinstance(rise, NotYet) for rise in faults.values())
    return (NotYet(told) if passing else Unknown(told)) if faults else None


def _spread(times: Iterable[float]) -> float:
    given = list(times)
    return max(given) - min(given)


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


def _sum(found: Iterable[Rise | Unknown]) -> Rise:
    rises = [one for one in found if isinstance(one, Rise)]
    return Rise(
        sum((one.canary for one in rises), NOTHING),
        sum((one.stable for one in rises), NOTHING),
        sum((one.lost for one in rises), NOTHING),
        min(one.began for one in rises),
        max(one.seconds for one in rises),
    )

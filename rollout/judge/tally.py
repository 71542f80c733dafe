"""What proxies counted between two looks: counters of single series, each with the time of its scrape.

Counters only rise, so two scrapes give what came between them. Where they cannot (a reset, a scrape that is missing,
times apart), the answer is `Unknown` with the reason. It is never taken as zero: no failures that nobody counted
would look like health. Where counts are lost for good for longer than a scrape or two, it is a `Gap`.

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
from typing import TYPE_CHECKING, Final

from rollout.judge.observations import Unknown
from rollout.judge.scrapes import LONGEST_SECONDS, Gap, NotYet, Rise, Scrape, risen, summed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FARTHEST_APART: Final = 0.5
"""Of the time between two looks: by how much the times of scrapes may differ. With more, a burst that hit both
versions falls into the count of one alone."""

GONE_SECONDS: Final = 300.0
"""A proxy that counted requests and is not scraped any more is missed for so long: that is how long Prometheus itself
goes on with a value. One that was scaled in must not hold an answer up for ever."""

LATE: Final = 1.5
"""Of the time between its scrapes: a pod that is so much behind the others is waited for no longer."""


@dataclass(frozen=True)
class Tally:
    """The counters of a phase so far. Values: `after` gives the next one.

    Attributes:
        since: When the phase began, in seconds. Scrapes from before have requests of the phase before in them.
        apart: Whether each version is counted by its own pods.
        before: The last scrape that is counted up to, by proxy.
        counting: Whether there was a rise.
        carrying: The proxies that counted requests, in this phase or before it, and when each was last scraped.
    """

    since: float
    apart: bool = False
    before: Mapping[str, Scrape] = field(default_factory=dict)
    counting: bool = False
    carrying: Mapping[str, float] = field(default_factory=dict)

    def missing(self, now: float) -> dict[str, float]:
        """The proxies that counted requests and are not scraped any more, and for how many seconds.

        What the others count goes on: it may speak against a canary, though it allows no `well`.

        Args:
            now: As in `after`.
        """
        return {one: now - at for one, at in self.carrying.items() if now - at > LONGEST_SECONDS}

    def after(self, seen: Mapping[str, Sequence[Scrape]], now: float) -> tuple[Tally, Rise | Unknown]:
        """What came since the look before.

        Args:
            seen: The last scrapes of each proxy, oldest first, at least one. Several of a caller's tell at the first
                look whether it counts requests.
            now: The time by the clock of who scraped, in seconds.
        """
        if not seen:
            return self, NotYet("no request to it was counted")
        known = replace(self, carrying={**self.carrying, **self._reached(seen)})
        newest = max(scrapes[-1].at for scrapes in seen.values())
        # A Prometheus that falls behind may believe that it is on time.
        age = max([now, *(scrape.at for scrape in self.before.values())]) - newest
        if age > LONGEST_SECONDS:
            return known, Gap(f"the newest counts are {age:.0f} s old")
        if back := self._back(seen):
            # What the others counted comes with the next look.
            return known, Gap("; ".join(back))
        return _of_pods(known, seen, newest) if self.apart else _of_callers(known, seen)

    def _reached(self, seen: Mapping[str, Sequence[Scrape]]) -> dict[str, float]:
        """Of the proxies that count requests, when each was last scraped; a Prometheus that falls behind says less."""
        return {
            one: max(scrapes[-1].at, self.carrying.get(one, 0.0))
            for one, scrapes in seen.items()
            if one in self.carrying or _counts(scrapes, apart=self.apart)
        }

    def _back(self, seen: Mapping[str, Sequence[Scrape]]) -> list[str]:
        """Who was silent in this phase and is scraped again, of those whose counts nothing is held against."""
        silent = {
            one: seen[one][-1].at - at
            for one, at in self.carrying.items()
            if one in seen and one not in self.before and seen[one][-1].at >= self.since
        }
        return [
            f"{one}: not scraped for {age:.0f} s"
            for one, age in sorted(silent.items())
            if age > LONGEST_SECONDS
        ]

    @property
    def nothing_new(self) -> Rise | Unknown:
        """What a look without a new scrape says."""
        return Rise() if self.counting else NotYet("two scrapes since the beginning are awaited")


def _of_callers(tally: Tally, seen: Mapping[str, Sequence[Scrape]]) -> tuple[Tally, Rise | Unknown]:
    """What callers' proxies counted, each since its own last scrape."""
    last = {one: scrapes[-1] for one, scrapes in seen.items() if scrapes[-1].at >= tally.since}
    before = {**last, **tally.before}
    again = {one: scrape for one, scrape in last.items() if scrape.at > before[one].at}
    found = {one: risen(before[one], scrape) for one, scrape in again.items()}
    if fault := _fault(found):
        # Only those with a fault begin anew. What the others counted comes with the next look.
        anew = {one: again[one] for one, rise in found.items() if isinstance(rise, Unknown)}
        return replace(tally, before={**before, **anew}), fault
    carrying = {one: again[one].at for one, rise in found.items() if isinstance(rise, Rise) and rise.total}
    following = replace(
        tally,
        before={**before, **again},
        counting=tally.counting or bool(again),
        carrying={**tally.carrying, **carrying},
    )
    return following, summed(found.values()) if again else tally.nothing_new


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
        return anew, Gap("none of its pods is the same") if tally.counting else tally.nothing_new
    shortest = min(chosen[one].at - before[one].at for one in both)
    apart = max(_spread(before[one].at for one in both), _spread(chosen[one].at for one in both))
    if apart > FARTHEST_APART * shortest or not shortest:
        if newest - min(before[one].at for one in both) <= LONGEST_SECONDS:
            return tally, tally.nothing_new
        return anew, Gap(f"its pods were scraped {apart:.0f} s apart: their times cannot be compared")
    found = {one: risen(before[one], chosen[one]) for one in both}
    if fault := _fault(found):
        return anew, fault
    return replace(anew, counting=True), summed(found.values())


def _counts(scrapes: Sequence[Scrape], *, apart: bool) -> bool:
    """Whether a proxy counts requests: a called pod that ever did; a caller lately, as it may have called once."""
    if apart:
        counted = scrapes[-1].counted.values()
        return any(requests for series in counted for requests, _ in series.values())
    rises = map(risen, scrapes, scrapes[1:])
    return any(isinstance(rise, Rise) and rise.total for rise in rises)


def _fault(found: Mapping[str, Rise | Unknown]) -> Unknown | None:
    """Why rises cannot be summed; None if they can."""
    faults = {one: rise for one, rise in found.items() if isinstance(rise, Unknown)}
    told = "; ".join(f"{one}: {rise.why}" for one, rise in sorted(faults.items()))
    kinds = {type(rise) for rise in faults.values()}
    # The gravest of them: a gap outweighs what is not known for a moment, and that what will be known soon.
    return next((kind(told) for kind in (Gap, Unknown, NotYet) if kind in kinds), None)


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

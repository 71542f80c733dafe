"""What was counted of a canary and of stable, and what could not be counted.

Counters only rise, so two readings give what came between them. Where they cannot (a reset, a missing scrape,
clocks apart), the answer is `Unknown` with the reason. It is never taken as zero: no failures that nobody counted
would look like health.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SECONDS: Final = 60.0
"""Between two readings; four scrapes of the usual 15 s. A counter that was reset in a longer gap may have passed
its old value again."""

FARTHEST_APART: Final = 0.5
"""Of the time between two readings: by how much the times of canary and stable may differ. With more, a burst that
hit both falls into the count of one alone."""


@dataclass(frozen=True)
class Unknown:
    """What cannot be told.

    Attributes:
        why: The reason, for a person.
    """

    why: str


@dataclass(frozen=True)
class Counts:
    """Requests of one version.

    Attributes:
        requests: All that were answered.
        bad: Of these, the ones that failed (or were slow).

    Raises:
        ValueError: If they cannot be counts.
    """

    requests: float
    bad: float

    def __post_init__(self) -> None:
        if not (isfinite(self.requests) and 0 <= self.bad <= self.requests):
            raise ValueError(f"{self.bad} bad ones of {self.requests} requests is no count")

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.requests + other.requests, self.bad + other.bad)

    @property
    def share(self) -> float:
        """The part that is bad; 0 without requests."""
        return self.bad / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Batch:
    """What both versions answered in the same time."""

    canary: Counts
    stable: Counts


@dataclass(frozen=True)
class Counters:
    """Counters of one version at a moment.

    Attributes:
        at: When they were scraped, in seconds.
        series: Requests and bad ones since each counter began, by the series' own name (its pod, its proxy).
            A sum of series would hide the reset of one.
    """

    at: float
    series: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Look:
    """Counters of both versions at one moment, as far as they are known."""

    canary: Counters | Unknown
    stable: Counters | Unknown


def batch_between(before: Look, after: Look, longest_seconds: float = LONGEST_SECONDS) -> Batch | Unknown:
    """What came between two looks.

    Args:
        before: The look before.
        after: The next one.
        longest_seconds: The longest time between them that is trusted.
    """
    counted: list[Counts] = []
    spans: list[tuple[float, float]] = []
    for name in ("canary", "stable"):
        one, other = getattr(before, name), getattr(after, name)
        for reading in (one, other):
            if isinstance(reading, Unknown):
                return Unknown(f"{name}: {reading.why}")
        found = _increase(one, other, longest_seconds)
        if isinstance(found, Unknown):
            return Unknown(f"{name}: {found.why}")
        counted.append(found)
        spans.append((one.at, other.at))
    (canary_from, canary_to), (stable_from, stable_to) = spans
    shortest = min(canary_to - canary_from, stable_to - stable_from)
    apart = max(abs(canary_from - stable_from), abs(canary_to - stable_to))
    if apart > FARTHEST_APART * shortest:
        return Unknown(f"canary and stable were counted {apart:.1f} s apart: their times cannot be compared")
    return Batch(*counted)


def _increase(before: Counters, after: Counters, longest_seconds: float) -> Counts | Unknown:
    """How far counters rose; a series that only one reading has tells nothing of the time between."""
    if why := _gap(before, after, longest_seconds):
        return Unknown(why)
    requests = bad = 0.0
    for name in before.series.keys() & after.series.keys():
        more, worse = (now - then for now, then in zip(after.series[name], before.series[name], strict=True))
        if not isfinite(more + worse):
            return Unknown(f"the counter of {name} holds no number")
        if more < 0 or worse < 0:
            return Unknown(f"the counter of {name} began anew")
        requests, bad = requests + more, bad + worse
    if bad > requests:
        return Unknown("more bad requests than requests: the counters were scraped at different times")
    return Counts(requests, bad)


def _gap(before: Counters, after: Counters, longest_seconds: float) -> str:
    """Why two readings cannot be held against each other; empty if they can."""
    seconds = after.at - before.at
    if not isfinite(seconds):
        return "a scrape without a time"
    if seconds <= 0:
        return "no new scrape"
    if seconds > longest_seconds:
        return f"nothing was scraped for {seconds:.0f} s"
    if not after.series:
        return "no data"
    return "" if before.series.keys() & after.series.keys() else "its counters are new"

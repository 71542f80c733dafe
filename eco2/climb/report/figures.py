"""What a report shows of one service, put together from events."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from eco2.climb.events import Began, Entry, Judged, Looked, Raised

VERSIONS: Final = ("stable", "canary")
MOST_SPANS: Final = 90
"""So many steps of a line can be told apart."""

SHORTEST_SPAN: Final = 10.0


@dataclass(frozen=True)
class Span:
    """What was counted in a part of the time.

    Attributes:
        begin: Seconds since the climb began.
        end: Likewise.
        requests: By version.
        failed: By version.
        latency_ms: By version, the mean of what the looks in it saw.
    """

    begin: float
    end: float
    requests: Mapping[str, float]
    failed: Mapping[str, float]
    latency_ms: Mapping[str, float]

    def failed_share(self, version: str) -> float | None:
        """The part of a version's requests that failed, 0 to 1; None without a request."""
        requests = self.requests.get(version, 0)
        return self.failed.get(version, 0) / requests if requests else None

    @property
    def canary_share(self) -> float | None:
        """The part of all requests that the canary answered, 0 to 1; None without a request."""
        answered = sum(self.requests.values())
        return self.requests.get("canary", 0) / answered if answered else None


@dataclass
class Stay:
    """A service's time at a phase.

    Attributes:
        phase: The phase.
        weight: Its weight in per cent; None if nobody told it.
        begin: Seconds since the climb began.
        end: Likewise; so far if it is not over.
        look: The last look at it there, and when.
        judged: The answers that it got there, and what was seen when they were given.
    """

    phase: int
    weight: int | None
    begin: float
    end: float
    look: tuple[float, Looked] | None = None
    judged: list[tuple[float, Judged, Looked | None]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The phase and what it means: `0, off`, `3, 20 %`."""
        if self.phase <= 1:
            return f"{self.phase}, {('off', 'header')[self.phase]}"
        return f"{self.phase}" if self.weight is None else f"{self.phase}, {self.weight} %"


@dataclass(frozen=True)
class Mark:
    """Something that was done, for a line across a chart.

    Attributes:
        at: Seconds since the climb began.
        what: A word or two.
        kind: `raised`, `well`, `sick`, `struck`, `done`.
    """

    at: float
    what: str
    kind: str


@dataclass(frozen=True)
class Course:
    """What happened to one service.

    Attributes:
        name: Its name.
        stays: Its phases, one after another.
        spans: What was counted, in parts that a chart can show.
        marks: What was done.
        seconds: How long the whole climb took so far.
    """

    name: str
    stays: Sequence[Stay]
    spans: Sequence[Span]
    marks: Sequence[Mark]
    seconds: float


def course(name: str, entries: Sequence[Entry]) -> Course:
    """What happened to a service in a climb.

    Args:
        name: The service.
        entries: The whole climb, in order; not empty.
    """
    first, last = entries[0].at, entries[-1].at
    seconds = max(_since(first, last), 1.0)
    return Course(
        name,
        list(_stays(name, entries)),
        list(_spans(name, entries, seconds)),
        list(_marks(name, entries)),
        seconds,
    )


def _since(first: datetime, at: datetime) -> float:
    return (at - first).total_seconds()


def _stays(name: str, entries: Sequence[Entry]) -> Iterator[Stay]:
    first, stay = entries[0].at, Stay(0, None, 0.0, 0.0)
    for entry in entries:
        at, event = _since(first, entry.at), entry.event
        if event.event in {"began", "raised"} and name in event.phases:
            phase, weight = event.phases[name], event.weights.get(name)
        elif event.event in {"struck", "taken back", "promoted"} and name in event.services:
            phase, weight = 0, 0
        elif event.event in {"looked", "judged"} and event.service == name:
            phase, weight = event.phase, event.weight
        else:
            phase, weight = stay.phase, stay.weight
        stay.end = at
        if phase != stay.phase:
            if stay.end > stay.begin:
                yield stay
            stay = Stay(phase, weight, at, at)
        stay.weight = stay.weight if weight is None else weight
        if event.event == "looked" and event.service == name:
            stay.look = (at, event)
        elif event.event == "judged" and event.service == name:
            stay.judged.append((at, event, stay.look[1] if stay.look else None))
    yield stay


def _spans(name: str, entries: Sequence[Entry], seconds: float) -> Iterator[Span]:
    """The parts of the time that are drawn; what is left at the end of a phase goes to the part before it."""
    first, length = entries[0].at, max(seconds / MOST_SPANS, SHORTEST_SPAN)
    looks = [
        (_since(first, entry.at), entry.event)
        for entry in entries
        if entry.event.event == "looked" and entry.event.service == name
    ]
    end = 0.0
    for phase in _phases(looks):
        parts: list[list[tuple[float, Looked]]] = [[]]
        begin = begun = max(phase[0][0] - phase[0][1].seconds_in_phase, end)
        end = phase[-1][0]
        for at, look in phase:
            parts[-1].append((at, look))
            if at - begun >= length and end - at >= length / 2:
                parts.append([])
                begun = at
        before: Looked | None = None
        for part in parts:
            yield _span(begin, part, before)
            begin, before = part[-1]


def _phases(looks: Sequence[tuple[float, Looked]]) -> Iterator[list[tuple[float, Looked]]]:
    """Looks in whose order counts only rise: those of one phase."""
    phase: list[tuple[float, Looked]] = []
    for at, look in looks:
        if phase and (phase[-1][1].phase != look.phase or _fewer(look, phase[-1][1])):
            yield phase
            phase = []
        phase.append((at, look))
    if phase:
        yield phase


def _span(begin: float, part: Sequence[tuple[float, Looked]], before: Looked | None) -> Span:
    """Counts are since a phase began, so that the difference of two looks is what came between them."""
    end, last = part[-1]
    latencies = {
        version: [
            look.latency_ms[version]
            for _, look in part
            if isfinite(look.latency_ms.get(version, float("nan")))
        ]
        for version in VERSIONS
    }
    return Span(
        begin,
        end,
        {version: last.requests.get(version, 0) - _had(before, version)[0] for version in VERSIONS},
        {version: last.failed.get(version, 0) - _had(before, version)[1] for version in VERSIONS},
        {version: sum(every) / len(every) for version, every in latencies.items() if every},
    )


def _had(before: Looked | None, version: str) -> tuple[float, float]:
    return (before.requests.get(version, 0), before.failed.get(version, 0)) if before else (0, 0)


def _fewer(now: Looked, before: Looked) -> bool:
    return any(now.requests.get(version, 0) < before.requests.get(version, 0) for version in VERSIONS)


def _marks(name: str, entries: Sequence[Entry]) -> Iterator[Mark]:
    first = entries[0].at
    for entry in entries:
        at, event = _since(first, entry.at), entry.event
        if event.event == "raised" and name in event.phases:
            yield Mark(at, _rung(name, event), "raised")
        elif event.event == "judged" and event.service == name and event.answer != "not known":
            yield Mark(at, event.answer, event.answer)
        elif event.event == "struck" and name in event.services:
            yield Mark(at, "taken back", "struck")
        elif event.event == "promoted" and name in event.services:
            yield Mark(at, "promoted", "done")


def _rung(name: str, event: Raised) -> str:
    return f"{event.weights[name]} %" if event.weights.get(name) else "header"


def began(entries: Sequence[Entry]) -> Began | None:
    """What it is about."""
    return next((entry.event for entry in entries if entry.event.event == "began"), None)

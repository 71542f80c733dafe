"""What a report shows of one service, put together from events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eco2.climb.report.spans import since, spans
from eco2.terminal.climb.lines import latency_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eco2.climb.events import Began, Entry, Judged, Looked, Raised
    from eco2.climb.report.spans import Span


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
        latency: What its latencies are: `p95`.
        stays: Its phases, one after another.
        spans: What was counted, in parts that a chart can show.
        marks: What was done.
        seconds: How long the whole climb took so far.
    """

    name: str
    latency: str
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
    seconds = max(since(first, last), 1.0)
    return Course(
        name,
        latency_name(began(entries), name),
        list(_stays(name, entries)),
        list(spans(name, entries, seconds)),
        list(_marks(name, entries)),
        seconds,
    )


def _stays(name: str, entries: Sequence[Entry]) -> Iterator[Stay]:
    first, stay = entries[0].at, Stay(0, None, 0.0, 0.0)
    for entry in entries:
        at, event = since(first, entry.at), entry.event
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


def _marks(name: str, entries: Sequence[Entry]) -> Iterator[Mark]:
    first = entries[0].at
    for entry in entries:
        at, event = since(first, entry.at), entry.event
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

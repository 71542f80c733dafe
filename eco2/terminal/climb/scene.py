"""How a climb stands: what its live view shows, put together from events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from eco2.climb.events import Began, Ended, Entry, Event, Looked


def is_under_way(event: Event) -> bool:
    """Whether an event only comes when nobody is to be asked any more; a judge asks nobody."""
    if event.event == "began":
        return not event.moves
    return event.event not in {"waits", "ended"}


@dataclass
class Canary:
    """One canary.

    Attributes:
        phase: The phase that it is at.
        weight: Its weight there, in per cent; None before anybody told it.
        since: When the phase began, as far as it was seen.
        look: The last look at it in this phase.
        done: What was done to it in the end: `taken back`, `promoted`.
    """

    phase: int
    weight: int | None
    since: datetime
    look: Looked | None = None
    done: str = ""

    def seconds_in_phase(self, now: datetime) -> float:
        """How long it has been at its phase."""
        return (now - self.since).total_seconds()


@dataclass
class Scene:
    """All of it.

    Attributes:
        began: What it is about, and since when.
        canaries: By service, in the order of the command line.
        waits: What holds it up, and since when.
        ended: How it ended.
        at: When the last event came.
        under_way: Whether it began for good: nobody is to be asked any more.
    """

    began: tuple[datetime, Began] | None = None
    canaries: dict[str, Canary] = field(default_factory=dict)
    waits: tuple[datetime, str] | None = None
    ended: Ended | None = None
    at: datetime | None = None
    under_way: bool = False

    def hear(self, entry: Entry) -> None:
        """Takes the next event."""
        event, self.at = entry.event, entry.at
        self.under_way = self.under_way or is_under_way(event)
        if event.event == "waits":
            since = self.waits[0] if self.waits and self.waits[1] == event.why else entry.at
            self.waits = (since, event.why) if event.why else None
            return
        if event.event != "looked":
            self.waits = None
        if event.event == "began":
            self.began = (entry.at, event)
            self.canaries = {
                name: Canary(event.phases.get(name, 0), event.weights.get(name), entry.at)
                for name in event.services
            }
        elif event.event == "raised":
            self._move(event.phases, event.weights, entry.at)
        elif event.event == "looked":
            self._look(event, entry.at)
        elif event.event == "struck":
            for name in event.services:
                left = name in event.unmoved
                told = "may be met until the update ends it" if left else "no request meets it any more"
                self._canary(name, entry.at).done = told
        elif event.event in {"taken back", "promoted"}:
            self._end(event.services, event.event, entry.at)
        elif event.event == "ended":
            self.ended = event

    def _canary(self, name: str, at: datetime) -> Canary:
        return self.canaries.setdefault(name, Canary(0, None, at))

    def _move(self, phases: Mapping[str, int], weights: Mapping[str, int], at: datetime) -> None:
        for name, phase in phases.items():
            self.canaries[name] = Canary(phase, weights.get(name), at)

    def _look(self, look: Looked, at: datetime) -> None:
        canary = self._canary(look.service, at)
        if canary.look is None or canary.phase != look.phase:
            # One that goes on after a restart may have been at its phase for longer than this command runs.
            canary.since = at - timedelta(seconds=look.seconds_in_phase)
        canary.phase, canary.weight, canary.look = look.phase, look.weight, look

    def _end(self, names: Sequence[str], done: str, at: datetime) -> None:
        for name in names:
            self.canaries[name] = Canary(0, 0, at, done=done)

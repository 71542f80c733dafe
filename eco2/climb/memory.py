"""The events of a climb that are kept for its report: all that was done, and as many looks as a chart can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from eco2.climb.events import Entry

MOST_LOOKS: Final = 1500
"""Of all services together. When there are more, some are forgotten, so that the others are evenly spaced."""

DOUBLINGS: Final = 30
"""Of the spacing, at most: looks before a verdict are kept whatever it is."""

MOST_WAITS: Final = 200
"""A Prometheus that comes and goes for hours needs no more lines than these."""

FIRST_SPACING_SECONDS: Final = 4.0
"""A bit less than the time between two looks, which is not always the same."""


class Memory:
    """Events, in their order. Counts in looks are since the phase began, so that one forgotten look loses nothing."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._looks = 0
        self._waits = 0
        self._spacing_seconds = FIRST_SPACING_SECONDS

    @property
    def entries(self) -> list[Entry]:
        """What is kept."""
        return list(self._entries)

    def add(self, entry: Entry) -> None:
        """Keeps one more."""
        if entry.event.event == "waits":
            self._waits += 1
            if self._waits > MOST_WAITS:
                return
        self._entries.append(entry)
        if entry.event.event == "looked":
            self._looks += 1
            if self._looks > MOST_LOOKS:
                self._make_room()

    def _make_room(self) -> None:
        for _ in range(DOUBLINGS):
            self._thin_out()
            if self._looks <= MOST_LOOKS * 3 // 4:
                return
            # What came since the last time was denser; now even all of it is too much.
            self._spacing_seconds *= 2

    def _thin_out(self) -> None:
        """Forgets looks that are nearer to the one before; but none that is its service's last before a verdict."""
        kept: list[Entry] = []
        spaced: dict[str, datetime] = {}
        latest = self._before_what_was_done()
        self._looks = 0
        for place, entry in enumerate(self._entries):
            if entry.event.event == "looked":
                before = spaced.get(entry.event.service)
                near = before and (entry.at - before).total_seconds() < self._spacing_seconds
                if near and place not in latest:
                    continue
                if not near:
                    spaced[entry.event.service] = entry.at
                self._looks += 1
            kept.append(entry)
        self._entries = kept

    def _before_what_was_done(self) -> set[int]:
        """The places of looks with which a phase, or the climb, ended for a service."""
        latest: dict[str, int] = {}
        found: set[int] = set()
        for place, entry in enumerate(self._entries):
            if entry.event.event == "looked":
                latest[entry.event.service] = place
            elif entry.event.event != "waits":
                found |= set(latest.values())
        return found | set(latest.values())

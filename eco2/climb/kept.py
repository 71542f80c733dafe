"""The events of a climb that are kept for its report: all that was done, and as many looks as a chart can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eco2.climb.journal import Entry

MOST_LOOKS: Final = 1200
"""Of all services together. When there are more, every second one is forgotten."""

MOST_WAITS: Final = 200
"""A Prometheus that comes and goes for hours needs no more lines than these."""


class Kept:
    """Events, in their order. Counts in looks are since the phase began, so that one forgotten look loses nothing."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._looks = 0
        self._waits = 0

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
                self._thin_out()

    def _thin_out(self) -> None:
        """Forgets every second look of each service, but none that is its last before something was done."""
        kept: list[Entry] = []
        later: set[str] = set()
        """Services with a look after this one and before the next thing that was done."""
        turn: dict[str, bool] = {}
        looks = 0
        for entry in reversed(self._entries):
            if entry.event.event != "looked":
                later.clear()
            else:
                service = entry.event.service
                turn[service] = not turn.get(service, False)
                if service in later and not turn[service]:
                    continue
                later.add(service)
                looks += 1
            kept.append(entry)
        self._entries = kept[::-1]
        self._looks = looks

"""A climb on a terminal: live where one can draw, and as plain lines elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TextIO

from eco2.terminal.climb_lines import lines_of, status_line
from eco2.terminal.output import say_if_possible

if TYPE_CHECKING:
    from datetime import datetime

    from eco2.climb.events import Entry

STATUS_SECONDS: Final = 60.0
"""Between two lines on how a canary stands."""


def can_draw(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


class PlainLines:
    """A line for each thing that was done, and one a minute for how each canary stands or what it waits for."""

    def __init__(self) -> None:
        self._last: dict[str, datetime] = {}

    def __call__(self, entry: Entry) -> None:
        """Prints what an event is worth."""
        event = entry.event
        if event.event == "looked":
            lines = [status_line(event)] if self._is_time(event.service, entry.at) else []
        elif event.event == "waits":
            lines = lines_of(event) if self._is_time(f"waits {event.why}", entry.at) else []
        else:
            lines = lines_of(event)
        for line in lines:
            say_if_possible(f"{entry.at.astimezone():%H:%M:%S} {line}")

    def _is_time(self, what: str, at: datetime) -> bool:
        """Whether the last line on this is long enough ago."""
        before = self._last.get(what)
        if before and (at - before).total_seconds() < STATUS_SECONDS:
            return False
        self._last[what] = at
        return True


class LiveView(PlainLines):
    """Draws until it is told to stop."""

    def stop(self) -> None:
        """Draws no more; the terminal is as it was."""

    def resume(self) -> None:
        """Goes on."""

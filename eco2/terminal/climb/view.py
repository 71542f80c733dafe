"""The ways to show a climb: live where one can draw, and as plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Group
from rich.live import Live
from rich.text import Text

from eco2.terminal.climb.lines import ERRORS, in_short, lines_of, status_line, style_of
from eco2.terminal.climb.page import page
from eco2.terminal.climb.reasons import Reasons
from eco2.terminal.climb.scene import Scene
from eco2.terminal.climb.window import Window, signs
from eco2.terminal.console import Console
from eco2.terminal.output import say_if_possible, silence
from eco2.terminal.wrapping import fold

if TYPE_CHECKING:
    from collections.abc import Callable

    from eco2.climb.events import Entry, Event

STATUS_SECONDS: Final = 60.0
"""Between two lines on how a canary stands, and on one thing that is waited for."""

DRAW_SECONDS: Final = 0.5
HELD_SECONDS: Final = 2.0
"""How long a terminal that takes nothing is waited for."""


def can_draw(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


class PlainLines:
    """A line for each thing that was done, and one a minute for how each canary stands or what it waits for."""

    def __init__(self) -> None:
        self._seldom, self._reasons = _Seldom(), Reasons()

    def __call__(self, entry: Entry) -> None:
        """Prints what an event is worth."""
        event = entry.event
        lines = _lines(event, self._reasons) if self._seldom.worth(entry) else []
        if event.event == "looked" and self._seldom.is_time(event.service, entry.at):
            lines = [status_line(event)]
        for line in lines:
            say_if_possible(f"{entry.at.astimezone():%H:%M:%S} {line}")


def _lines(event: Event, reasons: Reasons) -> list[str]:
    """What an event is in words; those of an error are told on standard error, when the terminal is free."""
    if event.event == "ended" and event.outcome in ERRORS:
        return [in_short(event)]
    return lines_of(event, reasons)


class _Seldom:
    """Says the same only once a minute, and no end of what never began."""

    def __init__(self) -> None:
        self._last: dict[str, datetime] = {}
        self._begun = False

    def worth(self, entry: Entry) -> bool:
        """Whether an event is worth its lines."""
        event = entry.event
        self._begun = self._begun or event.event == "began"
        if event.event == "ended":
            return self._begun or event.outcome not in ERRORS
        return event.event != "waits" or self.is_time(f"waits {event.why}", entry.at)

    def is_time(self, what: str, at: datetime) -> bool:
        """Whether the last line on this is long enough ago."""
        before = self._last.get(what)
        if before and (at - before).total_seconds() < STATUS_SECONDS:
            return False
        self._last[what] = at
        return True


class LiveView:
    """What was done as lines that stay, and below them how it stands, drawn again and again.

    It draws in a thread of its own, so that nobody waits for a terminal that is held by Ctrl-S.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Begins to draw when it is under way: nobody is to be asked over a picture that moves."""
        self._console = Console(highlight=False)
        self._now = now
        self._scene = Scene()
        self._seldom, self._reasons = _Seldom(), Reasons()
        self._left_alone = False
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._end: Entry | None = None
        self._size = self._console.size
        self._on = True
        self._news = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def __call__(self, entry: Entry) -> None:
        """Shows one more event."""
        with self._lock:
            self._scene.hear(entry)
            if entry.event.event == "waits" and self._left_alone:
                self._scene.under_way = True  # the answer was yes, and the first step has to wait
            if entry.event.event == "ended":
                self._end = entry
            elif self._seldom.worth(entry):
                self._print(entry)
        self._news.set()

    def stop(self) -> None:
        """Draws no more: the terminal is as it was. At the end of a climb the last picture stays, with its end."""
        self._on, self._left_alone = False, True
        if not self._lock.acquire(timeout=HELD_SECONDS):
            return
        try:
            if self._end and self._scene.under_way:
                self._draw()
            self._take_away(leave=self._end is not None)
            if self._end:
                if self._seldom.worth(self._end):
                    self._print(self._end)
                self._end = None
        finally:
            self._lock.release()

    def resume(self) -> None:
        """Goes on."""
        self._on = True
        self._news.set()

    def _run(self) -> None:
        try:
            while True:
                self._news.wait(DRAW_SECONDS)
                self._news.clear()
                with self._lock:
                    if self._on and self._scene.under_way:
                        self._draw()
        except Exception as error:  # noqa: BLE001  # a terminal that is gone is no reason to end a climb
            self._on = False
            silence(sys.stdout)
            say_if_possible(f"warning: nothing more is drawn: {error}", err=True)

    def _draw(self) -> None:
        if self._console.size != self._size:
            # What was drawn is broken otherwise by now; nobody can tell how.
            self._size = self._console.size
            self._take_away(leave=False)
            self._console.clear()
        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                redirect_stdout=sys.stdout.isatty(),
                redirect_stderr=sys.stderr.isatty(),
            )
            self._live.start()
        window = Window(self._size.width, self._size.height - 1, signs(self._console.encoding))
        self._live.update(Group(*page(self._scene, self._now(), window)), refresh=True)

    def _take_away(self, *, leave: bool) -> None:
        if self._live is not None:
            self._live.transient = not leave
            self._live.stop()
            self._live = None

    def _print(self, entry: Entry) -> None:
        width = self._console.width
        at, style = f"{entry.at.astimezone():%H:%M:%S}", style_of(entry.event)
        for line in _lines(entry.event, self._reasons):
            first, *rest = fold(f"{at} {line}", width).splitlines()
            self._console.print(Text.assemble((first[: len(at)], "dim"), (first[len(at) :], style)))
            for more in rest:
                self._console.print(Text(more, style))

"""The journal of a climb: it notes down what happens, and tells whoever listens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeAlias

from eco2.climb.events import (
    Began,
    Ended,
    Entry,
    Event,
    Judged,
    Looked,
    Outcome,
    Promoted,
    Raised,
    Struck,
    TakenBack,
    Waits,
)
from eco2.climb.memory import Memory
from eco2.terminal.output import say_if_possible

if TYPE_CHECKING:
    from types import TracebackType

__all__ = [
    "Began",
    "Ended",
    "Entry",
    "Event",
    "Journal",
    "Judged",
    "Listener",
    "Looked",
    "Outcome",
    "Promoted",
    "Raised",
    "Struck",
    "TakenBack",
    "Waits",
]

MOST_WAITING: Final = 1000
"""Looks that nobody has taken are worth nothing any more; what was done always is."""

FLUSH_SECONDS: Final = 5.0
"""How long listeners that are slow are waited for."""

Listener: TypeAlias = Callable[[Entry], None]


class Screen(Protocol):
    """A view that draws by itself, and leaves the terminal to others for a while."""

    def stop(self) -> None:
        """Draws no more."""

    def resume(self) -> None:
        """Goes on."""


class Journal:
    """Notes down what happens, and tells it to listeners in a thread of its own.

    A terminal that is held, a pipe that nobody reads, a slow disk: none of them holds up a climb, least of all when
    a sick canary is to be taken back. A listener that fails is told no more.
    """

    def __init__(
        self,
        listeners: Sequence[Listener] = (),
        screen: Screen | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begins to tell.

        Args:
            listeners: Each is told every event, in order.
            screen: The one of them that draws by itself.
            now: The time in UTC.
        """
        self._memory = Memory()
        self._listeners = list(listeners)
        self._screen = screen
        self._now = now
        self._told = SimpleQueue[Entry | threading.Event]()
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def entries(self) -> list[Entry]:
        """What happened so far; of looks that are long past, only some."""
        return self._memory.entries

    def tell(self, event: Event) -> None:
        """Notes down an event; whoever listens hears of it soon."""
        entry = Entry(self._now(), event)
        self._memory.add(entry)
        if event.event != "looked" or self._told.qsize() < MOST_WAITING:
            self._told.put(entry)

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Waits until all that was told so far is heard, at most so long."""
        heard = threading.Event()
        self._told.put(heard)
        end = time.monotonic() + seconds
        # Python loses a Ctrl-C that arrives on the way into a long wait; a short one finds it at its end.
        while not heard.wait(0.1) and time.monotonic() < end:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Whoever reads slowly gets every line, as from any command; nobody waits for that after a Ctrl-C.
        self.flush(inf if kind is None else FLUSH_SECONDS)
        if self._screen:
            self._screen.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leaves the terminal to whatever the block runs, such as an update of Pulumi's."""
        self.flush()
        if self._screen:
            self._screen.stop()
        try:
            yield
        finally:
            if self._screen:
                self._screen.resume()

    def _run(self) -> None:
        while True:
            entry = self._told.get()
            if isinstance(entry, threading.Event):
                entry.set()
                continue
            for listener in tuple(self._listeners):
                try:
                    listener(entry)
                except Exception as error:  # noqa: BLE001  # whatever it is, the climb goes on
                    self._listeners.remove(listener)
                    say_if_possible(f"warning: no more is shown: {error}", err=True)

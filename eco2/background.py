"""Work that goes on beside: threads that nobody waits for when the command ends.

An executor of the standard library is joined at exit, so that Ctrl-C would hang for as long as
a server does not answer.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
Item = TypeVar("Item")
LOOK_SECONDS = 0.2


class Later(Generic[T]):
    """A call that has begun; its result is there when asked for."""

    def __init__(self, call: Callable[[], T]) -> None:
        """Begins the call in a thread of its own."""
        self._call = call
        self._result: list[T] = []
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._call())
        except Exception as error:  # noqa: BLE001  # raised again where the result is asked for
            self._failure = error

    @property
    def done(self) -> bool:
        """Whether the result can be had without waiting."""
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> bool:
        """Waits, no longer than told; whether the result can be had."""
        self._thread.join(max(seconds, 0.0))
        return self.done

    def result(self) -> T:
        """Waits for the end of the call; its result, or the exception that it raised."""
        # Python loses a Ctrl-C that arrives on the way into an endless wait; a short one finds it at its end.
        while self._thread.is_alive():
            self._thread.join(LOOK_SECONDS)
        if self._failure is not None:
            raise self._failure
        return self._result[0]


def each(call: Callable[[Item], T], items: Sequence[Item], at_once: int) -> list[T]:
    """The results of a call for every item, in their order; so many calls go on at once.

    A thread takes every so many-th item, so that it may keep a connection of its own.

    Raises:
        Exception: The first that a call raised; others may go on for a while, and nobody waits for them.
    """
    threads = min(at_once, len(items))
    parts = [Later(partial(_in_turn, call, items[start::threads])) for start in range(threads)]
    found = [part.result() for part in parts]
    return [found[place % threads][place // threads] for place in range(len(items))]


def _in_turn(call: Callable[[Item], T], items: Sequence[Item]) -> list[T]:
    return [call(item) for item in items]

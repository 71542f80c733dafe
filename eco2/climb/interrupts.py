"""What ends a climb from outside: Ctrl-C, the end of a workflow's job, a terminal that is closed."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Held:
    """What came meanwhile.

    Attributes:
        came: Whether anything came.
    """

    came: bool = False


@contextmanager
def held() -> Iterator[Held]:
    """Has nothing of this end the block; whoever runs it looks at what came, and ends when it can."""
    found = Held()

    def note(*_: object) -> None:
        found.came = True

    with _handled(ENDS, note):
        yield found


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Has the end of a job and of a terminal do what Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _handled((signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextmanager
def _handled(numbers: tuple[signal.Signals, ...], handler: Callable[..., None]) -> Iterator[None]:
    # Only the main thread may set handlers, and gets signals. Whoever began this with `nohup` wants no end by SIGHUP.
    main = threading.current_thread() is threading.main_thread()
    before = {one: signal.getsignal(one) for one in numbers if main}
    kept = {one: handling for one, handling in before.items() if handling is not signal.SIG_IGN}
    for number in kept:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handling in kept.items():
            signal.signal(number, handling)

"""Words while something takes long."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SLOW_SECONDS = 15.0
"""How long something may take before the command says what it waits for."""


@contextmanager
def telling(say: Callable[[str], None], lines: Callable[[str], Iterable[str]]) -> Iterator[None]:
    """Says again and again what is waited for, as long as the block takes.

    Args:
        say: Takes a line for the user.
        lines: The lines, of the time that has passed in words: `waiting for 15 s`.
    """
    ended, began = threading.Event(), time.monotonic()

    def tell() -> None:
        while not ended.wait(SLOW_SECONDS):
            for line in lines(f"waiting for {time.monotonic() - began:.0f} s"):
                say(line)

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        ended.set()

"""What a person hears while a server, or a program that this package has started, takes long.

Whoever connects may be anywhere, also in the middle of a request, when its credentials have expired. So it is said
once, by the process, who hears it.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLOW_SECONDS = 2.0
"""How long something may take before anybody is told."""

AGAIN_SECONDS = 10.0
"""For so long the same words are not said again: requests wait side by side for one server."""

_hears: list[Callable[[str], None]] = []
_said: dict[str, float] = {}
_alone = threading.Lock()


def heard_by(say: Callable[[str], None]) -> None:
    """Names who hears from now on what is waited for; until then nobody does.

    Args:
        say: Takes a line for the user, from any thread.
    """
    _hears[:] = [say]


@contextmanager
def told_if_slow(words: str) -> Iterator[None]:
    """Tells what is waited for, if the block takes long.

    Args:
        words: What, for how long at the most, and what to do.
    """

    def tell() -> None:
        with _alone:
            now = time.monotonic()
            if now - _said.get(words, -AGAIN_SECONDS) < AGAIN_SECONDS:
                return
            _said[words] = now
        for say in _hears:
            say(words)

    timer = threading.Timer(SLOW_SECONDS, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()

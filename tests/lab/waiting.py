"""Waiting for what happens by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def until(met: Callable[[], Any], seconds: float = 15) -> None:
    """Waits until something holds, and asserts that it does."""
    deadline = time.monotonic() + seconds
    while not (holds := met()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert holds, f"not after {seconds:g} s"

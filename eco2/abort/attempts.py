"""Once more, where somebody else has changed an object or the server is busy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from kube.errors import BusyError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
ATTEMPTS = 5
"""How often an object is read and written, at most, where somebody else changes it or the server is busy."""
PAUSE_SECONDS = 0.1
"""Before a busy server is asked again; twice as long each time."""
LONGEST_SECONDS = 3.0
"""After that, a server that is busy is asked no more."""


def attempted(call: Callable[[], T]) -> T:
    """What a call gives, which reads an object and may write it.

    Raises:
        ClusterError: If it fails for another reason, or is not through after the last attempt.
    """
    until = time.monotonic() + LONGEST_SECONDS
    for attempt in range(ATTEMPTS - 1):
        try:
            return call()
        except ConflictError:
            pass
        except BusyError:
            # In an incident servers throttle, and etcd changes its leader.
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS * 2**attempt)
    return call()

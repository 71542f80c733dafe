"""When a split changed at the proxy, beside the answers of a load."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.mesh.routes import Split, route_tables, split_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INTERVAL_SECONDS = 0.2


@dataclass(frozen=True)
class Mark:
    """A change.

    Attributes:
        at: When the proxy was first seen with it, in seconds since the epoch.
        split: What it does since then.
    """

    at: float
    split: Split


async def follow(admin: Path, host: str, path: str, see: Callable[[Mark], None]) -> None:
    """Tells of a path's split at an Envoy and of every change of it, until cancelled.

    Args:
        admin: The unix socket of the Envoy's administration.
        host: The host.
        path: The path.
        see: Takes what is so at the beginning, then each change.
    """
    last: Split | None = None
    while True:
        try:
            split = split_of(await asyncio.to_thread(route_tables, admin), host, path)
        except OSError:
            # One that restarts is asked again.
            split = last or Split()
        if split != last:
            see(Mark(time.time(), split))
            last = split
        await asyncio.sleep(INTERVAL_SECONDS)

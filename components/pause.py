"""What happens between routes that leave a canary and the canary's end."""

from __future__ import annotations

import asyncio
import time

import pulumi

HOOK = "routes-before-pods"
"""A deletion runs the hook that the state names, so its name stays what it was."""


class Pause:
    """Holds a canary until its routes have left it and every proxy has surely learned that.

    A pod that ends leaves the endpoints at once, and a proxy that still follows the old route
    then finds an empty subset; a pre-stop time does not help against that.

    Attributes:
        hook: To be bound to a canary's deletion, and to its update where it may shrink.
    """

    def __init__(self, seconds: int, routes_left_at: float | None = None, name: str = "") -> None:
        """Makes the hook.

        Args:
            seconds: How long proxies may take.
            routes_left_at: When the routes had left already, in seconds since the epoch; None if
                they leave in this update.
            name: Another one for each in a program.
        """
        self._seconds, self._routes_left_at = seconds, routes_left_at
        self.hook = pulumi.ResourceHook(f"{HOOK}-{name}" if name else HOOK, self._hold)

    async def _hold(self, _: pulumi.ResourceHookArgs) -> None:
        gone_by = 0.0 if self._routes_left_at is None else time.time() - self._routes_left_at
        # A clock that was set back must not make it longer.
        await asyncio.sleep(min(max(self._seconds - gone_by, 0), self._seconds))

"""What happens between routes that leave a canary and the canary's end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable


class Pause:
    """Holds a canary until its routes have left it and every proxy has surely learned that.

    A pod that ends leaves the endpoints at once, and a proxy that still follows the old route
    then finds an empty subset; a pre-stop time does not help against that.

    Attributes:
        hook: To be bound to a canary's deletion, and to its update where it may shrink.
    """

    def __init__(self, seconds: int, routes_left_at: float | None = None) -> None:
        """Makes the hook.

        Args:
            seconds: How long proxies may take.
            routes_left_at: When the routes had left already, in seconds since the epoch; None if
                they leave in this update.
        """
        self._seconds, self._routes_left_at = seconds, routes_left_at
        self._routes: dict[str, list[pulumi.Resource]] = {}
        self.hook = pulumi.ResourceHook("routes-before-pods", self._hold)

    def after(self, service: str, routes: Iterable[pulumi.Resource]) -> None:
        """Names the routes that must be done before the canary of a service goes."""
        self._routes[service] = list(routes)

    async def _hold(self, _: pulumi.ResourceHookArgs) -> None:
        gone_by = 0.0 if self._routes_left_at is None else time.time() - self._routes_left_at
        # A clock that was set back must not make it longer.
        await asyncio.sleep(min(max(self._seconds - gone_by, 0), self._seconds))

    async def moved(self) -> None:
        """Ends the program in words if routes were not moved in this update, so that no canary is deleted.

        Under `--continue-on-error` the engine skips the routes of a promotion whose stable failed, and
        would delete the canary that carries everything all the same: it deletes once the program has
        ended well (rule 9; seen with Pulumi 3.259.0). A hook that fails is no way out there: the engine
        then writes a state that it cannot read.

        Raises:
            pulumi.RunError: If a route was skipped or failed.
        """
        if pulumi.runtime.is_dry_run():
            # In a preview outputs may be unknown for good reasons.
            return
        for service, routes in self._routes.items():
            for route in routes:
                # Outputs of a resource that failed or was skipped are unknown.
                if not await route.metadata.is_known():  # type: ignore[attr-defined]
                    raise pulumi.RunError(
                        f"{service}: its routes were not moved in this update, so no canary goes"
                    )

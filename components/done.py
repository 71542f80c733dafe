"""What an update really did, so that outputs claim nothing that was only wished for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable


async def outputs_of(resources: Iterable[pulumi.Resource]) -> dict[str, Any]:
    """Type and outputs by URN of those that are there."""
    found = {}
    for resource in resources:
        spec: pulumi.Output[Any] = resource.spec  # type: ignore[attr-defined]
        identity: pulumi.Output[str] = resource.id  # type: ignore[attr-defined]
        if await identity.is_known() and await identity.future() and await spec.is_known():
            urn = await resource.urn.future()
            assert urn is not None  # it is known together with the outputs
            kind = urn.split("::")[2].rpartition("$")[2]
            found[urn] = {"type": kind, "outputs": {"spec": await spec.future()}}
    return found


async def refuse_unmoved(service: str, routes: Iterable[pulumi.Resource]) -> None:
    """Ends the program in words if a service's routes were not moved in this update, so that no canary is deleted.

    Under `--continue-on-error` the engine skips the routes of a promotion whose stable failed, and
    would delete the canary that carries everything all the same: it deletes once the program has
    ended well (rule 9; seen with Pulumi 3.259.0). A hook that fails is no way out there: the engine
    then writes a state that it cannot read.

    Args:
        service: Its name.
        routes: Its routes.

    Raises:
        pulumi.RunError: If a route was skipped or failed.
    """
    for route in routes:
        # Outputs of a resource that failed or was skipped are unknown.
        if not await route.metadata.is_known():  # type: ignore[attr-defined]
            raise pulumi.RunError(f"{service}: its routes were not moved in this update, so no canary goes")

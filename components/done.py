"""What an update really did, so that the stack's outputs claim nothing that was only wished for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from rollout.plan import state as applied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from components.canary_service import CanaryService
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.services import Wanted


async def done(
    declared: Mapping[str, CanaryService], services: Mapping[str, Wanted], plans: Mapping[str, RolloutPlan]
) -> frozenset[str]:
    """The services whose Deployments and routes are what their plans say; in a preview all of them.

    The engine tells the program of no `--target`. What it leaves alone it answers with what the state holds
    of it, and what it does not create with its own inputs and no id (seen with 3.259). What failed under
    `--continue-on-error` has nothing known.

    Args:
        declared: The services that this update declared.
        services: All services as this environment wants them.
        plans: Their plans.
    """
    if pulumi.runtime.is_dry_run():
        return frozenset(declared)
    return frozenset(
        [
            name
            for name, service in declared.items()
            if applied.done(plans[name], services[name].service, await _outputs(service.told))
        ]
    )


async def _outputs(resources: Iterable[pulumi.Resource]) -> dict[str, Any]:
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

"""All services of a stack, and which of them an update must touch first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.canary_service import CanaryService
from components.stack import only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.canary_service import Platform
    from components.domain_node_group import DomainNodeGroup
    from rollout.plan import RolloutPlan
    from rollout.services import Wanted


def declare_services(
    services: Mapping[str, Wanted],
    plans: Mapping[str, RolloutPlan],
    nodes: Mapping[str, DomainNodeGroup],
    platform: Platform,
) -> pulumi.Output[None]:
    """Declares all services; whoever goes back leaves the canary before anything of the others begins.

    The others are declared once these routes are done. Dependencies would say the same, and stay in the state:
    an update whose targets are one service would then have to take along all that once stood behind it.

    An update with targets declares none but those that it is about. What it leaves alone the engine then keeps
    as it stands in the state. Declared, it would have to be so in the very shape and order of the state, which
    updates that failed and rollbacks leave in many forms: another order is refused (`Duplicate resource URN`),
    and routes without the canary that they depend on make a state that cannot be read again (3.259, met in the lab).

    Args:
        services: The services as this environment wants them.
        plans: Their plans.
        nodes: The nodes by domain.
        platform: What all services share.

    Returns:
        What is there as soon as all are declared.
    """

    def declare(name: str) -> CanaryService:
        return CanaryService(services[name], plans[name], nodes[services[name].service.domain], platform)

    names = [name for name in services if not only() or name in only()]
    routes = [route for name in names if plans[name].order.retreats for route in declare(name).routes]
    others = [name for name in names if not plans[name].order.retreats]

    async def declare_others() -> None:
        for route in routes:
            await route.urn.future()
        for name in others:
            declare(name)

    if routes:
        return pulumi.Output.from_input(declare_others())
    for name in others:
        declare(name)
    return pulumi.Output.from_input(None)

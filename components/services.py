"""All services of a stack, and which of them an update must touch first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.canary_service import CanaryService
from components.stack import only

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.canary_service import Platform
    from components.domain_node_group import DomainNodeGroup
    from rollout.plan import RolloutPlan
    from rollout.services import Wanted


def declare_services(
    services: Mapping[str, Wanted],
    plans: Mapping[str, RolloutPlan],
    nodes: Mapping[str, DomainNodeGroup],
    platform: Platform,
) -> None:
    """Declares all services; whoever goes back leaves the canary before anything of the others begins.

    An update with targets declares none but those that it is about. What it leaves alone the engine then keeps
    as it stands in the state. Declared, it would have to be so in the very shape and order of the state, which
    updates that failed and rollbacks leave in many forms: another order is refused (`Duplicate resource URN`),
    and routes without the canary that they depend on make a state that cannot be read again (3.259, met in the lab).

    Args:
        services: The services as this environment wants them.
        plans: Their plans.
        nodes: The nodes by domain.
        platform: What all services share.
    """
    first: list[pulumi.Resource] = []
    # Those that go back come first, so that the others can wait for their routes.
    declared = [name for name in services if not only() or name in only()]
    for name in sorted(declared, key=lambda name: not plans[name].order.retreats):
        wanted, plan = services[name], plans[name]
        after = () if plan.order.retreats else first
        service = CanaryService(wanted, plan, nodes[wanted.service.domain], platform, after)
        first += service.routes if plan.order.retreats else []

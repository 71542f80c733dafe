"""All services of a stack, and which of them an update must touch first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.canary_service import CanaryService
from components.stack import as_it_stands, only

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

    Args:
        services: The services as this environment wants them.
        plans: Their plans.
        nodes: The nodes by domain.
        platform: What all services share.
    """
    # Beside targets, what is left alone has the order of the state, where others may wait for its routes.
    plans = {name: as_it_stands(plan) for name, plan in plans.items()}
    first: list[pulumi.Resource] = []
    # Those that go back come first, so that the others can wait for their routes.
    for name in sorted(services, key=lambda name: (not plans[name].order.retreats, name in only())):
        wanted, plan = services[name], plans[name]
        after = () if plan.order.retreats else first
        service = CanaryService(wanted, plan, nodes[wanted.service.domain], platform, after)
        first += service.routes if plan.order.retreats else []

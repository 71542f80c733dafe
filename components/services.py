"""All services of a stack, and which of them an update must touch first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.adoption import adopting
from components.canary_service import CanaryService
from components.domain_node_group import declare_nodes
from components.done import done
from components.stack import only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.canary_service import Platform
    from rollout.plan.nodes import GroupLeft
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.services import Wanted


def declare_services(
    services: Mapping[str, Wanted],
    plans: Mapping[str, RolloutPlan],
    platform: Platform,
    groups: Mapping[str, GroupLeft],
) -> pulumi.Output[frozenset[str]]:
    """Declares all services and their nodes; whoever goes back leaves the canary before anything else begins.

    The first step that is refused ends an update, and a node group may be refused as well as a neighbour's pods.
    So routes of services that go back come first, with nothing but their component and namespace before them,
    and all else is declared once they are done. Dependencies would say the same, and stay in the state:
    an update whose targets are one service would then have to take along all that once stood behind it.

    An update with targets declares none but those that it is about, and nodes only for an adoption: a way back
    must not hang on what AWS answers. What it leaves alone the engine then keeps
    as it stands in the state. Declared, it would have to be so in the very shape and order of the state, which
    updates that failed and rollbacks leave in many forms: another order is refused (`Duplicate resource URN`),
    and routes without the canary that they depend on make a state that cannot be read again (3.259, met in the lab).

    Args:
        services: The services as this environment wants them.
        plans: Their plans.
        platform: What all services share.
        groups: The node groups that the state has, by domain.

    Returns:
        Those that are then what their plans say.
    """
    names = [name for name in services if not only() or name in only()]
    first = [name for name in names if plans[name].order.retreats]
    declared = {name: CanaryService(services[name], plans[name], platform) for name in first}
    routes = [route for service in declared.values() for route in service.routes]

    def declare_rest() -> None:
        for namespace in platform.catalog.namespaces:
            platform.cluster.namespace(namespace)
        nodes = {}
        if not only() or adopting():
            nodes = declare_nodes(platform.settings, platform.cluster, groups)
        for name in (*first, *(name for name in names if name not in first)):
            if name not in declared:
                declared[name] = CanaryService(services[name], plans[name], platform)
            group = nodes.get(services[name].service.domain)
            declared[name].declare([group.node_group] if group else [])

    async def declare_rest_behind_routes() -> frozenset[str]:
        for route in routes:
            await route.urn.future()
        declare_rest()
        return await done(declared, services, plans)

    if routes:
        return pulumi.Output.from_input(declare_rest_behind_routes())
    declare_rest()
    return pulumi.Output.from_input(done(declared, services, plans))

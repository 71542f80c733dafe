"""Several services at once, and which of them an update must touch first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.canary_service import CanaryService
from components.planning import planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from components.canary_service import CanaryServiceArgs


def canary_services(
    services: Mapping[str, CanaryServiceArgs],
    opts: pulumi.ResourceOptions | None = None,
    *,
    nodes: Callable[[], Mapping[str, Sequence[pulumi.Resource]]] | None = None,
) -> pulumi.Output[frozenset[str]]:
    """Declares services and their nodes; whoever goes back leaves the canary before anything else begins.

    The first step that is refused ends an update, and a node group may be refused as well as a neighbour's pods.
    So routes of services that go back come first, with nothing but their component and namespace before them,
    and all else is declared once they are done. Dependencies would say the same, and stay in the state:
    an update whose targets are one service would then have to take along all that once stood behind it.

    Args:
        services: What they are to be, by their components' names. What a plan needs of those that come without
            is refused for all of them together, before anything is registered.
        opts: Pulumi's own, for each of them.
        nodes: Declares what comes behind the ways back, and tells what the pods of each service wait for.

    Returns:
        Those that are then what their plans say.

    Raises:
        SystemExit: If a guard refuses something.
    """
    plans = {name: args.plan for name, args in services.items() if args.plan}
    plans |= planned({name: args for name, args in services.items() if not args.plan})
    first = [name for name in services if plans[name].order.retreats]
    declared: dict[str, CanaryService] = {}

    def begin(name: str) -> None:
        declared[name] = CanaryService(name, services[name], opts, plan=plans[name], deferred=True)

    for name in first:
        begin(name)
    routes = [route for service in declared.values() for route in service.routes]

    def declare_rest() -> None:
        wait_for = nodes() if nodes else {}
        for name in (*first, *(name for name in services if name not in first)):
            if name not in declared:
                begin(name)
            declared[name].declare([*services[name].nodes, *wait_for.get(name, ())])

    async def declare_rest_behind_routes() -> frozenset[str]:
        for route in routes:
            await route.urn.future()
        declare_rest()
        return await done()

    async def done() -> frozenset[str]:
        return frozenset([name for name, service in declared.items() if await service.done.future()])

    if routes:
        return pulumi.Output.from_input(declare_rest_behind_routes())
    declare_rest()
    return pulumi.Output.from_input(done())

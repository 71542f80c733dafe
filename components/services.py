"""Several services at once, and which of them an update must touch first."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pulumi

from components.canary_service import CanaryService
from components.planning import planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from components.canary_service import CanaryServiceArgs
    from rollout.plan.service_plan import RolloutPlan

    Nodes = Callable[[], Mapping[str, Sequence[pulumi.Resource]]]

BEGUN_SECONDS = 10
"""How long all else waits for canaries that shrink, beside their pause: by then the API server has their new size.

What an update has begun it ends, whatever is refused meanwhile. To wait until they are done would hold up the
rest for sick pods."""


def canary_services(
    services: Mapping[str, CanaryServiceArgs],
    opts: pulumi.ResourceOptions | None = None,
    *,
    nodes: Nodes | None = None,
) -> pulumi.Output[frozenset[str]]:
    """Declares services and their nodes; whoever goes back leaves the canary before anything else begins.

    The first step that is refused ends an update, and a node group may be refused as well as a neighbour's pods.
    So routes of services that go back come first, with nothing but their component and namespace before them,
    then canaries whose share their pods decide, and all else is declared once these have begun to shrink.
    Dependencies would say the same, and stay in the state: an update whose targets are one service would then have
    to take along all that once stood behind it.

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
    done = _Services(services, plans, opts, nodes).declare()
    # At once: what is exported when the program has ended comes too late.
    for name, args in services.items():
        if args.plan is None:
            args.platform.tell(name, plans[name].output(), done.apply(partial(_is_in, name)))
    return done


def _is_in(name: str, found: frozenset[str]) -> bool:
    return name in found


class _Services:
    """Services while they are declared one after the other."""

    def __init__(
        self,
        services: Mapping[str, CanaryServiceArgs],
        plans: Mapping[str, RolloutPlan],
        opts: pulumi.ResourceOptions | None,
        nodes: Nodes | None,
    ) -> None:
        self._services, self._plans, self._opts, self._nodes = services, plans, opts, nodes
        self._declared: dict[str, CanaryService] = {}

    def declare(self) -> pulumi.Output[frozenset[str]]:
        first = [name for name in self._services if self._plans[name].order.retreats]
        routes = [route for name in first for route in self._begun(name).routes]
        if first:
            return pulumi.Output.from_input(self._rest_behind(routes, first))
        self._rest()
        return pulumi.Output.from_input(self._done())

    def _begun(self, name: str) -> CanaryService:
        if name not in self._declared:
            self._declared[name] = CanaryService(
                name, self._services[name], self._opts, plan=self._plans[name], deferred=True
            )
        return self._declared[name]

    def _rest(self) -> None:
        wait_for = self._nodes() if self._nodes else {}
        # Those that go back stand first.
        for name in dict.fromkeys((*self._declared, *self._services)):
            self._begun(name).declare([*self._services[name].nodes, *wait_for.get(name, ())])

    async def _rest_behind(self, routes: Sequence[pulumi.Resource], first: Sequence[str]) -> frozenset[str]:
        for route in routes:
            await route.urn.future()
        await self._begun_to_shrink(first)
        self._rest()
        return await self._done()

    async def _begun_to_shrink(self, names: Sequence[str]) -> None:
        waits = [
            asyncio.ensure_future(part.urn.future()) for name in names for part in self._begun(name).shrink()
        ]
        if not waits:
            return
        pause_seconds = max(self._plans[name].route_propagation_seconds for name in names)
        done, _ = await asyncio.wait(waits, timeout=pause_seconds + BEGUN_SECONDS)
        for one in waits:
            # The engine tells how it ends; unasked, asyncio would tell it once more.
            one.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        for one in done:
            one.result()

    async def _done(self) -> frozenset[str]:
        return frozenset([name for name, service in self._declared.items() if await service.done.future()])

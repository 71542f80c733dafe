"""One service: stable, canary, and everything that brings traffic to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pulumi

from components.done import outputs_of, refuse_unmoved
from components.planning import planned
from components.service_objects import ServiceObjects
from rollout.marks import CANARY_SERVICE
from rollout.plan import state
from rollout.plan.order import Part
from rollout.plan.service_plan import RolloutPlan
from rollout.spec.services import OFF, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from components.domain_node_group import Placement
    from components.platform import Platform
    from rollout.spec.image import Image
    from rollout.spec.rollout_settings import RolloutSettings
    from rollout.spec.service import ServiceSpec

Resources = list[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class CanaryServiceArgs:
    """What a `CanaryService` is made of. All values are plain: the order of an update follows from them.

    Attributes:
        platform: What it shares with the other services of its cluster.
        service: What it is: kind, namespace, container, probes, routes.
        stable: What stable runs.
        canary: What the canary runs; None: the same as stable, which proves the way and nothing else.
        rollout: How far its rollout is to be: phase, weight, ladder.
        app: Its name in the cluster; empty: the component's.
        placement: On which nodes its pods may run; None: on any.
        nodes: What its pods wait for: the nodes of its domain.
        namespace: The namespace, if the program declares it; all its objects wait for it. Or what declares it,
            called with the service: a namespace that is refused must not come before a way back.
        labels: Labels of its objects and pods, beside the platform's.
        overrule: Why a guard may be overruled (rules 13 to 15, 18); empty: none is.
        plan: What the update makes true. Left out, the component plans by what the last update left of it.
    """

    platform: Platform
    service: ServiceSpec
    stable: Image
    canary: Image | None = None
    rollout: RolloutSettings = OFF
    app: str = ""
    placement: Placement | None = None
    nodes: Sequence[pulumi.Resource] = ()
    namespace: pulumi.Resource | Callable[[], pulumi.Resource] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    overrule: str = ""
    plan: RolloutPlan | None = None

    def wanted(self, name: str) -> Wanted:
        """The service as a plan needs it.

        Args:
            name: The component's name.
        """
        shared = self.platform.args
        return Wanted(
            name=self.app or name,
            service=self.service,
            stable=self.stable,
            canary=self.canary or self.stable,
            rollout=self.rollout,
            route_propagation_seconds=shared.route_propagation_seconds,
            production=shared.production,
        )


class CanaryService(pulumi.ComponentResource):
    """A service with its Deployments, routes, autoscalers and disruption budgets.

    What it builds, and in which order, is what its plan says. A service that goes back waits for nothing, so
    declare it before anything that can be refused; `canary_services` does that for several.

    It exports what it did as a stack output `PLATFORM-rollouts`, which the next update starts from.

    Attributes:
        plan: What this update makes true.
        routes: What brings traffic to it: its VirtualServices, or its Service where there are none.
        told: What says how far an update came: its routes, and its one or two Deployments.
        done: Whether it is what its plan says; in a preview yes.
    """

    plan: RolloutPlan
    routes: Resources
    told: Resources
    done: pulumi.Output[bool]

    def __init__(
        self,
        name: str,
        args: CanaryServiceArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        plan: RolloutPlan | None = None,
        deferred: bool = False,
    ) -> None:
        """Declares the service.

        Args:
            name: Its name in the program.
            args: What it is made of.
            opts: Pulumi's own; `provider` or `providers` with the cluster's Kubernetes provider.
            plan: What was planned for it together with others.
            deferred: Whether only the routes of a way back are declared now, and the caller calls `shrink` and
                `declare` later.

        Raises:
            SystemExit: If a guard refuses the update, which is told.
            pulumi.RunError: If the state cannot be read.
        """
        self._name, self._args = name, args
        self.plan = plan or args.plan or planned({name: args})[name]
        super().__init__(CANARY_SERVICE, name, None, opts)
        self._objects = ServiceObjects(self, name, args, self.plan)
        self.routes = self._objects.routes([]) if self.plan.order.retreats else []
        self._shrunk: Resources = []
        if not deferred:
            self.declare(args.nodes)
            if args.plan is None:
                args.platform.tell(name, self.plan.output(), self.done)

    def shrink(self) -> Resources:
        """Declares what is left of a canary that goes back where pods decide its share; else nothing.

        Nothing stands before it but its routes: a smaller canary needs no new pods, and so no nodes. A second
        call gives the same.
        """
        if self.plan.order.retreats and not self._args.service.by_weight:
            self._shrunk = self._shrunk or self._objects.canary(self.routes)
        return self._shrunk

    def declare(self, nodes: Sequence[pulumi.Resource] = ()) -> None:
        """Declares the rest of a service that was deferred.

        Args:
            nodes: The nodes of its domain, to wait for; empty where an update leaves them alone.
        """
        plan, objects = self.plan, self._objects
        shrunk = self.shrink()  # before its pods know of nodes
        objects.declare_fixed(nodes)
        builders: dict[Part, Callable[[Resources], Resources]] = {
            Part.STABLE: objects.stable,
            Part.STABLE_AUTOSCALER: objects.stable_autoscaler,
            Part.CANARY: lambda after: shrunk or objects.canary(after),
            Part.CANARY_AUTOSCALER: objects.canary_autoscaler,
            Part.ROUTES: objects.routes if not plan.order.retreats else lambda _: self.routes,
            Part.PAUSE: lambda _: [],  # no resource: the hook on the canary
        }
        built: dict[Part, Resources] = {}
        for part in plan.order.sequence:
            after = [resource for before in sorted(plan.order.before(part)) for resource in built[before]]
            built[part] = builders[part](after)
        self.routes = built[Part.ROUTES]
        self.told = [*built[Part.STABLE][:1], *built[Part.CANARY][:1], *self.routes]
        self.done = pulumi.Output.from_input(self._is_done())
        self.register_outputs({"rollout": plan.output()})

    async def _is_done(self) -> bool:
        """Whether its Deployments and routes are what the plan says.

        The engine tells the program of no `--target`. What it leaves alone it answers with what the state holds
        of it, and what it does not create with its own inputs and no id (seen with 3.259). What failed under
        `--continue-on-error` has nothing known.
        """
        if pulumi.runtime.is_dry_run():
            return True
        await refuse_unmoved(self._name, self.routes)
        by_name = replace(self.plan, name=self._name)
        return state.done(by_name, self._args.service, await outputs_of(self.told))

"""The Kubernetes and Istio objects of one service, each declared when its turn comes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pulumi

from components import scaling
from components.held import HeldService
from components.kubernetes_objects import AT_ONCE, Change, Owner
from components.metadata import labels
from components.workload import PodSpec, deployment_spec, service_spec
from rollout.plan import state
from rollout.plan.order import Direction
from rollout.plan.service_plan import Release
from rollout.traffic import subsets, write
from rollout.traffic.kept import KEPT_ANNOTATION
from rollout.traffic.names import canary_name, virtual_services
from rollout.traffic.versions import CANARY_VERSION, FALLBACK_SUBSET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.canary_service import CanaryServiceArgs
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.workload import Workload
    from rollout.traffic.versions import Version

Resources = list[pulumi.Resource]


class ServiceObjects:
    """Declares what a plan says, part by part."""

    def __init__(
        self, parent: pulumi.Resource, name: str, args: CanaryServiceArgs, plan: RolloutPlan
    ) -> None:
        """Prepares; nothing is declared yet.

        Args:
            parent: The component that the objects belong to.
            name: Its name.
            args: What it is made of.
            plan: What this update makes true.
        """
        self._name, self._plan, self._args, self._shared = name, plan, args, args.platform.args
        self._platform, self._spec = args.platform, args.service
        self._nodes: Resources = []
        self._fixed: Resources = []
        namespace = args.namespace() if callable(args.namespace) else args.namespace
        own = {**self._shared.labels, **args.labels}
        self._labels = partial(labels, kind=args.service.kind, more=own)
        owner = partial(
            Owner,
            parent=parent,
            app=plan.name,
            name=name,
            namespace=args.service.namespace,
            after=[namespace] if namespace else [],
            field_manager=self._shared.field_manager,
            adopting=self._shared.adopting,
        )
        protect = self._shared.protect
        self._in_state = owner(protect=protect).in_state
        self._held = HeldService(plan, args.platform, self._in_state)
        self._declare = owner(protect=protect, held=self._held.moves).declare
        # To leave the rest out of the targets would not do: the engine takes it over in the order of the state.
        self._declare_fixed = owner(protect=protect, held=self._held.fixed).declare
        # What belongs to the canary alone must go at a rollback, so nothing protects it.
        self._declare_canary = owner(protect=False).declare

    def declare_fixed(self, nodes: Sequence[pulumi.Resource]) -> None:
        """Declares what no rollout changes: Service, subsets, companions. From then on pods wait for `nodes`."""
        self._nodes = list(nodes)
        self._fixed = [*self._destination(), *self._companions()]

    def stable(self, after: Resources) -> Resources:
        """The stable Deployment and its budget."""
        name, release = self._plan.name, self._plan.stable
        return [self._deployment(name, name, self._spec, release, after), self._budget(name, release.version)]

    def canary(self, after: Resources) -> Resources:
        """The canary Deployment and what belongs to it; empty at phase 0."""
        app, release = self._plan.name, self._plan.canary
        if release is None:
            return []
        name = canary_name(app)
        pause, waits = self._platform.pause.hook, self._plan.order.pauses_before_canary
        hooks = pulumi.ResourceHookBinding(before_delete=[pause], before_update=[pause] if waits else None)
        reached = None if self._spec.reads_queues else hooks
        built = [self._deployment(name, app, self._spec, release, after, reached)]
        if self._plan.weight:
            budget = scaling.disruption_budget_spec(app, release.version)
            built.append(self._declare_canary("PodDisruptionBudget", name, self._labels(app), budget))
        if self._spec.by_selector:
            built.append(self._service(name, app, CANARY_VERSION, self._spec, []))
        return built

    def stable_autoscaler(self, after: Resources) -> Resources:
        """Stable's autoscaler; empty without one."""
        return self._autoscaler(self._plan.name, self._plan.stable, after)

    def canary_autoscaler(self, after: Resources) -> Resources:
        """The canary's autoscaler; empty without one."""
        canary = self._plan.canary
        return self._autoscaler(canary_name(self._plan.name), canary, after) if canary else []

    def routes(self, after: Resources) -> Resources:
        """What brings traffic: both VirtualServices, or a Service and its DestinationRule; of a worker nothing."""
        plan, spec = self._plan, self._spec
        if spec.reads_queues:
            return []
        change = Change(hooks=self._platform.readiness.before_routes(self._name, plan, spec))
        if spec.by_selector:
            return self._without_routes(after, change)
        # Retreating, routes wait for nothing at all; otherwise for the subsets that they name, too.
        after = [*after, *self._fixed] if after else []
        routed = self._routed()
        if plan.order.retreats and state.lacks_subset(self._platform.resources, self._name, FALLBACK_SUBSET):
            routed = replace(routed, subset_there=False)
        outside, inside = virtual_services(plan.name)
        public = write.public_spec(plan.split, routed, self._shared.host, self._shared.gateway)
        mesh = write.mesh_spec(plan.split, routed)
        own, kept = self._labels(plan.name), {KEPT_ANNOTATION: str(plan.kept)} if plan.kept else None
        declare = partial(self._declare, "VirtualService", labels=own, after=after, change=change)
        return [
            declare(outside, spec=self._held.route(outside, public), annotations=kept),
            declare(inside, spec=self._held.route(inside, mesh)),
        ]

    def _autoscaler(self, deployment: str, release: Release, after: Resources) -> Resources:
        scaler, limits = self._spec.autoscaler, release.scaling
        kind = scaler.kind if scaler and limits else ""
        if not release.is_canary and (other := self._held.autoscalers(deployment, kind)) is not None:
            own = self._labels(self._plan.name)
            return [self._declare_fixed(one, deployment, own, spec, after) for one, spec in other.items()]
        if scaler is None or limits is None:
            return []
        declare = self._declare_canary if release.is_canary else self._declare
        tolerance = not limits.may_shrink and self._platform.tolerance.of(
            scaler.kind, self._in_state(deployment), self._spec.namespace
        )
        spec = scaling.autoscaler_spec(deployment, scaler, limits, tolerance=tolerance)
        return [declare(scaler.kind, deployment, self._labels(self._plan.name), spec, after)]

    def _routed(self) -> write.Routed:
        return write.Routed(self._plan.name, self._spec, self._shared.canary_header, kept=self._plan.kept)

    def _destination(self) -> Resources:
        """Service and subsets, which no rollout changes where there are routes."""
        name, spec = self._plan.name, self._spec
        if not spec.by_weight:
            return []
        rule_spec = subsets.destination_rule_spec(self._routed(), self._plan.weight)
        rule = self._declare_fixed("DestinationRule", name, self._labels(name), rule_spec)
        return [self._service(name, name, None, spec, []), rule]

    def _without_routes(self, after: Resources, change: Change) -> Resources:
        """The Service, whose selector is the route, and the rule by which stable takes over (rules 5 and 19)."""
        name, plan = self._plan.name, self._plan
        spec = self._held.rule(name, subsets.destination_rule_spec(self._routed(), plan.weight))
        rule = partial(self._declare, "DestinationRule", name, self._labels(name), spec, change=change)
        service = partial(self._service, name, name, plan.service_version, self._spec, change=change)
        # No order fails a request. In this one nobody meets both versions between none and all.
        first, second = (service, rule) if plan.service_version else (rule, service)
        done = first(after=after)
        return [done, second(after=[*after, done])]

    def _companions(self) -> Resources:
        """Deployments that run stable's image beside it and have no canary."""
        built, stable = [], self._plan.stable
        for name, workload in self._held.there(self._spec.companions).items():
            release = Release(stable.image, stable.version, workload.replicas, None, ())
            built += [
                self._deployment(name, name, workload, release, []),
                self._service(name, name, stable.version, workload, []),
                self._budget(name, stable.version),
            ]
        return built

    def _budget(self, name: str, version: str) -> pulumi.Resource:
        spec = scaling.disruption_budget_spec(name, version)
        return self._declare_fixed("PodDisruptionBudget", name, self._labels(name), spec)

    def _deployment(
        self,
        name: str,
        app: str,
        workload: Workload,
        release: Release,
        after: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> pulumi.Resource:
        timeout_seconds = self._shared.ready_timeout_seconds
        pods = PodSpec(
            app=app,
            workload=workload,
            labels=self._labels(app),
            placement=self._args.placement,
            pull_secret=self._shared.pull_secret,
            ready_timeout_seconds=timeout_seconds,
        )
        # The Deployment goes at once and its pods drain behind it: streams of many minutes would hold up
        # the update, and with it everything that comes after.
        annotations = {"pulumi.com/deletionPropagationPolicy": "background"}
        if release.is_canary and (self._spec.autoscaler is not None or self._spec.reads_queues):
            # Its size is the plan's: where its autoscaler has changed it since, or an abort that was not finished,
            # a phase takes it back.
            annotations["pulumi.com/patchForce"] = "true"
        # Between phases an autoscaler that runs owns the number. Not to name it at all would leave a
        # Deployment that gains an autoscaler with one pod: the API server's default.
        rests = not release.is_canary or self._plan.order.direction is Direction.STAY
        ignored: tuple[str, ...] = ("spec.replicas",) if release.scaling and rests else ()
        declare = self._declare_canary if release.is_canary else self._declare_fixed
        spec = deployment_spec(pods, release)
        if not release.is_canary and self._held.restores(name):
            declare, ignored = self._declare, self._held.all_but_the_image(name, spec)
        return declare(
            "Deployment",
            name,
            pods.labels,
            spec,
            [*self._nodes, *after],
            annotations=annotations,
            change=Change(timeout_seconds, hooks, ignored),
        )

    def _service(
        self,
        name: str,
        app: str,
        version: Version | None,
        workload: Workload,
        after: Sequence[pulumi.Resource],
        change: Change = AT_ONCE,
    ) -> pulumi.Resource:
        spec = service_spec(app, version, workload)
        # Waiting for endpoints here would only repeat the wait for the Deployment, and would make a
        # retreat wait for sick pods.
        skip = {"pulumi.com/skipAwait": "true"}
        declare = self._declare_canary
        if name == app:
            # Without routes its selector is the route.
            declare = self._declare if self._spec.by_selector else self._declare_fixed
        return declare("Service", name, self._labels(app), spec, after, annotations=skip, change=change)

"""One service: stable, canary, and everything that brings traffic to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pulumi

from components import scaling
from components.domain_node_group import placement
from components.kubernetes_objects import AT_ONCE, Change, Owner
from components.metadata import CANARY_SERVICE, labels
from components.workload import PodSpec, deployment_spec, selector
from rollout.plan.order import Direction, Part
from rollout.plan.service_plan import Release
from rollout.traffic import write
from rollout.traffic.names import canary_name, virtual_services
from rollout.traffic.versions import CANARY_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.cluster import Cluster
    from components.pause import Pause
    from components.readiness import Readiness
    from components.tolerance import Tolerance
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.catalog import Catalog
    from rollout.spec.services import Wanted
    from rollout.spec.settings import Settings
    from rollout.spec.workload import Workload
    from rollout.traffic.versions import Version

Resources = list[pulumi.Resource]


@dataclass(frozen=True)
class Platform:
    """What all services share.

    Attributes:
        catalog: Registry, gateway and canary header.
        settings: The public host and the limits in time.
        cluster: The cluster and its namespaces.
        pause: Holds a canary until proxies follow the routes that left it.
        readiness: Holds routes until the pods that they lead to are ready.
        tolerance: Whether a frozen autoscaler can have one.
        held: The services of which only canary and routes change.
    """

    catalog: Catalog
    settings: Settings
    cluster: Cluster
    pause: Pause
    readiness: Readiness
    tolerance: Tolerance
    held: frozenset[str] = frozenset()


class CanaryService(pulumi.ComponentResource):
    """A service with its Deployments, routes, autoscalers and disruption budgets.

    What it builds, and in which order, is what the plan says. It is declared in two steps, so that routes
    of services that go back come before everything else: here what comes first, and by `declare` the rest.

    Attributes:
        routes: What brings traffic to it: its VirtualServices, or its Service where there are none.
        told: What the outputs of the stack tell of: its routes, and its one or two Deployments.
    """

    routes: Resources
    told: Resources

    def __init__(
        self,
        wanted: Wanted,
        plan: RolloutPlan,
        platform: Platform,
    ) -> None:
        """Declares the service, and its routes if it goes back: those wait for nothing.

        Args:
            wanted: The service as this environment wants it.
            plan: What runs, what gets which traffic, and what waits for what.
            platform: What all services share.
        """
        super().__init__(CANARY_SERVICE, plan.name)
        self._wanted, self._plan, self._platform = wanted, plan, platform
        service, cluster = wanted.service, platform.cluster
        self._labels = partial(
            labels, service=service, part_of=platform.catalog.part_of, environment=wanted.environment
        )
        namespace = cluster.namespace(service.namespace)
        own = partial(Owner, self, cluster.kubernetes, namespace, service.namespace)
        protect = platform.settings.protect
        self._declare = own(protect=protect).declare
        # To leave the rest out of the targets would not do: the engine takes it over in the order of the state.
        self._declare_fixed = own(protect=protect, held=plan.name in platform.held).declare
        # What belongs to the canary alone must go at a rollback, so nothing protects it.
        self._declare_canary = own(protect=False).declare
        self.routes = self._move_routes([]) if plan.order.retreats else []

    def declare(self, nodes: Resources) -> None:
        """Declares the rest of the service.

        Args:
            nodes: The nodes of its domain, to wait for; empty where an update leaves them alone.
        """
        self._nodes, plan = nodes, self._plan
        self._fixed = [*self._destination(), *self._companions()]
        builders = {
            Part.STABLE: self._stable,
            Part.STABLE_AUTOSCALER: self._stable_autoscaler,
            Part.CANARY: self._canary,
            Part.CANARY_AUTOSCALER: self._canary_autoscaler,
            Part.ROUTES: self._move_routes if not plan.order.retreats else lambda _: self.routes,
            Part.PAUSE: _nothing,  # no resource: the hook on the canary
        }
        built: dict[Part, Resources] = {}
        for part in plan.order.sequence:
            after = [resource for before in sorted(plan.order.before(part)) for resource in built[before]]
            built[part] = builders[part](after)
        self.routes = built[Part.ROUTES]
        self.told = [*built[Part.STABLE][:1], *built[Part.CANARY][:1], *self.routes]
        self._platform.pause.after(plan.name, self.routes)
        self.register_outputs({"rollout": plan.output()})

    def _stable(self, after: Resources) -> Resources:
        name, release = self._plan.name, self._plan.stable
        return [
            self._deployment(name, name, self._wanted.service, release, after),
            self._budget(name, release.version),
        ]

    def _canary(self, after: Resources) -> Resources:
        app, release = self._plan.name, self._plan.canary
        if release is None:
            return []
        name = canary_name(app)
        pause = self._platform.pause.hook
        hooks = pulumi.ResourceHookBinding(
            before_delete=[pause], before_update=[pause] if self._plan.order.pauses_before_canary else None
        )
        reached_by_routes = self._wanted.service.kind != "worker"
        canary = self._deployment(
            name, app, self._wanted.service, release, after, hooks if reached_by_routes else None
        )
        built = [canary]
        if self._plan.weight:
            budget = scaling.disruption_budget_spec(app, release.version)
            built.append(self._declare_canary("PodDisruptionBudget", name, self._labels(app), budget))
        if self._wanted.service.kind == "grpc":
            built.append(self._service(name, app, CANARY_VERSION, self._wanted.service, []))
        return built

    def _stable_autoscaler(self, after: Resources) -> Resources:
        return self._autoscaler(self._plan.name, self._plan.stable, after)

    def _canary_autoscaler(self, after: Resources) -> Resources:
        canary = self._plan.canary
        return self._autoscaler(canary_name(self._plan.name), canary, after) if canary else []

    def _autoscaler(self, deployment: str, release: Release, after: Resources) -> Resources:
        scaler, limits = self._wanted.service.autoscaler, release.scaling
        if scaler is None or limits is None:
            return []
        own = self._labels(self._plan.name)
        declare = self._declare_canary if release.is_canary else self._declare
        kind = "HorizontalPodAutoscaler" if scaler.hpa else "ScaledObject"
        tolerance = not limits.may_shrink and self._platform.tolerance.of(
            kind, deployment, self._wanted.service.namespace
        )
        if scaler.hpa:
            spec = scaling.hpa_spec(deployment, scaler.hpa, limits, tolerance=tolerance)
            return [declare(kind, deployment, own, spec, after)]
        assert scaler.keda is not None  # the catalog refuses an autoscaler that is neither
        spec = scaling.scaled_object_spec(deployment, scaler.keda, limits, tolerance=tolerance)
        return [declare(kind, deployment, own, spec, after)]

    def _move_routes(self, after: Resources) -> Resources:
        plan, service, platform = self._plan, self._wanted.service, self._platform
        if service.kind == "worker":
            return []
        change = Change(hooks=platform.readiness.before_routes(plan, service))
        if service.kind == "grpc":
            return [self._service(plan.name, plan.name, plan.service_version, service, after, change)]
        # Retreating, routes wait for nothing at all; otherwise for the subsets that they name, too.
        after = [*after, *self._fixed] if after else []
        routed = self._routed()
        public = write.public_spec(plan.split, routed, platform.settings.host, platform.catalog.gateway)
        specs = zip(virtual_services(plan.name), (public, write.mesh_spec(plan.split, routed)), strict=True)
        own = self._labels(plan.name)
        return [
            self._declare("VirtualService", name, own, spec, after, change=change) for name, spec in specs
        ]

    def _routed(self) -> write.Routed:
        return write.Routed(self._plan.name, self._wanted.service, self._platform.catalog.canary_header)

    def _destination(self) -> Resources:
        """Service and subsets, which no rollout changes."""
        name, service = self._plan.name, self._wanted.service
        if service.traffic_policy is None:
            return []
        subsets = write.destination_rule_spec(self._routed().host, service.traffic_policy)
        rule = self._declare_fixed("DestinationRule", name, self._labels(name), subsets)
        # Without routes the Service's selector is the route.
        return [rule] if service.kind == "grpc" else [self._service(name, name, None, service, []), rule]

    def _companions(self) -> Resources:
        """Deployments that run stable's image beside it and have no canary."""
        built: Resources = []
        for name, workload in self._wanted.service.companions.items():
            stable = self._plan.stable
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
        timeout_seconds = self._platform.settings.ready_timeout_seconds
        pods = PodSpec(
            app=app,
            workload=workload,
            labels=self._labels(app),
            placement=placement(self._wanted.service.domain),
            pull_secret=self._platform.catalog.registry.pull_secret,
            ready_timeout_seconds=timeout_seconds,
        )
        # The Deployment goes at once and its pods drain behind it: streams of many minutes would hold up
        # the update, and with it everything that comes after.
        annotations = {"pulumi.com/deletionPropagationPolicy": "background"}
        if release.is_canary and self._wanted.service.autoscaler is not None:
            # Its size is the plan's: where its autoscaler has changed it since, a phase takes it back.
            annotations["pulumi.com/patchForce"] = "true"
        # Between phases an autoscaler that runs owns the number. Not to name it at all would leave a
        # Deployment that gains an autoscaler with one pod: the API server's default.
        rests = not release.is_canary or self._plan.order.direction is Direction.STAY
        ignored = ("spec.replicas",) if release.scaling and rests else ()
        declare = self._declare_canary if release.is_canary else self._declare_fixed
        return declare(
            "Deployment",
            name,
            pods.labels,
            deployment_spec(pods, release),
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
        spec = {
            "selector": selector(app, version) if version else {"app": app},
            "ports": [
                {"name": port.name, "port": port.port, "targetPort": port.port} for port in workload.ports
            ],
        }
        # Waiting for endpoints here would only repeat the wait for the Deployment, and would make a
        # retreat wait for sick pods.
        skip = {"pulumi.com/skipAwait": "true"}
        declare = self._declare_canary
        if name == app:
            # Without routes its selector is the route.
            declare = self._declare if self._wanted.service.kind == "grpc" else self._declare_fixed
        return declare("Service", name, self._labels(app), spec, after, annotations=skip, change=change)


def _nothing(_: Resources) -> Resources:
    return []

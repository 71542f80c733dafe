"""What all canary services of one cluster share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pulumi

from components import stack
from components.pause import Pause
from components.readiness import Readiness
from components.tolerance import Tolerance
from rollout.marks import CANARY_SERVICE, FIELD_MANAGER
from rollout.plan.frozen import frozen
from rollout.spec.headers import changed_by
from rollout.spec.stickiness import user_before
from rollout.traffic.names import kept_ending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.spec.catalog import CanaryHeader
    from rollout.spec.service import ServiceSpec


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """What a `Platform` is made of.

    Attributes:
        context: The kubeconfig's context of the cluster. Pods are looked at through it before routes lead to
            them (rule 8), so it must lead where the Kubernetes provider leads.
        host: The public host of all routes.
        gateway: Istio's Gateway that public routes bind to: `NAMESPACE/NAME`.
        canary_header: The request header that reaches canaries.
        labels: Labels of every object and pod, beside those of its service.
        pull_secret: The Secret that pods pull images with; empty: none.
        production: Whether users meet these services: a canary with weight then has two pods at the least.
        route_propagation_seconds: How long proxies get to take over new routes before a canary may shrink.
        ready_timeout_seconds: How long pods may take to be ready before an update fails.
        protect: Whether everything but canaries refuses to be deleted.
        field_manager: The field manager of every write.
        held: The services of which an update changes canary and routes alone.
        anew: The autoscalers that such an update makes anew, since somebody deleted them: `KIND/NAME`.
        adopting: Whether this update takes over what other tools have made.
    """

    context: str
    host: str
    gateway: str
    canary_header: CanaryHeader
    labels: Mapping[str, str] = field(default_factory=dict)
    pull_secret: str = ""
    production: bool = False
    route_propagation_seconds: int = 5
    ready_timeout_seconds: int = 300
    protect: bool = False
    field_manager: str = FIELD_MANAGER
    held: frozenset[str] = frozenset()
    anew: frozenset[str] = frozenset()
    adopting: bool = False


class Platform:
    """A cluster with its mesh, as services see it. A program has one for each cluster.

    Attributes:
        args: What it is made of.
        pause: Holds a canary until proxies follow the routes that left it.
        readiness: Holds routes until the pods that they lead to are ready.
    """

    def __init__(self, name: str, args: PlatformArgs, last: stack.LastUpdate | None = None) -> None:
        """Prepares; nothing is asked yet.

        Args:
            name: Another one for each platform of a program. It stays while there are canaries: a deletion runs
                the hook that the state names.
            args: What it is made of.
            last: What the stack's last update left; None: read from its state when it is first needed.
        """
        self.name, self.args, self._last = name, args, last
        cluster = stack.cluster_to_ask(args.context)
        self.pause = Pause(args.route_propagation_seconds, stack.routes_left_at(), name)
        self.readiness = Readiness(cluster, lambda: self.resources)
        self._cluster = cluster
        self._told: dict[str, pulumi.Output[Any]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._cookies: dict[str, str] = {}

    @property
    def output(self) -> str:
        """The stack output that tells what its services became."""
        return f"{self.name}-rollouts"

    @cached_property
    def last(self) -> stack.LastUpdate:
        """What the stack's last update left.

        Raises:
            pulumi.RunError: If the state cannot be read.
        """
        return self._last or stack.last_update()

    @cached_property
    def resources(self) -> Mapping[str, Any]:
        """Of that, what components have made: a program may have others of the same type and name beside them."""
        return {urn: one for urn, one in self.last.resources.items() if f"{CANARY_SERVICE}$" in urn}

    def tell(self, name: str, entry: Mapping[str, Any], done: pulumi.Output[bool]) -> None:
        """Exports what a service became; where the update did not get there, what it was.

        Args:
            name: Its component's name.
            entry: What its plan says of it.
            done: Whether it is that.
        """
        before = self.last.outputs.get(self.output) or {}
        self._told[name] = done.apply(lambda is_done: entry if is_done else before.get(name))
        told = pulumi.Output.from_input(dict(self._told))
        pulumi.export(
            self.output, told.apply(lambda all_of_them: {k: v for k, v in all_of_them.items() if v})
        )

    def taken(self, name: str, app: str, namespace: str) -> str:
        """Why a service cannot have its name in the cluster: two of one name would overwrite each other by force.

        Args:
            name: Its component's name.
            app: Its name in the cluster.
            namespace: Where it is.
        """
        if ending := kept_ending(app):
            return f"{app}: a name that ends in {ending} is that of another service's objects; choose another"
        owner = self._names.setdefault((namespace, app), name)
        return "" if owner == name else f"{app} in {namespace} is {owner} already; choose another `app`"

    def confused(self, name: str, service: ServiceSpec) -> str:
        """Why a service's users or testers cannot be known as it wants; empty if they can.

        Args:
            name: Its component's name.
            service: What it is: by what it knows its users, and which headers its routes change.
        """
        stickiness, asks = service.stickiness, self.args.canary_header.name
        kept = {asks: "asks for the canary"}
        if stickiness and stickiness.header:
            kept.setdefault(stickiness.header, "is how its users are known")
        if why := changed_by((*service.routes, *service.mesh_routes), kept):
            return next(iter(why.values()))
        if stickiness is None:
            return ""
        if stickiness.header == self.args.canary_header.name:
            return f"{stickiness.header} asks for the canary; know users by another header"
        if owner := user_before(self._cookies, name, stickiness):
            return f"{owner} uses the cookie {stickiness.cookie} already; give {name} one of its own"
        return ""

    @cached_property
    def tolerance(self) -> Tolerance:
        """Whether a frozen autoscaler can have one."""
        return Tolerance(frozen(self.resources), self._cluster)

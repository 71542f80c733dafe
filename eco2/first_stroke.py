"""The first stroke of an abort: routes go back to stable, straight at the API.

It reads what is there and takes the canary out of it, so it needs neither Pulumi nor the
state nor a config that can be used. It writes as the updates do, by a forced server-side
apply of the whole object under their field manager, so that the next update meets no
conflict (rule 12).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from components.metadata import FIELD_MANAGER
from eco2.together import Later
from kube.cluster import ClusterError
from rollout.ladder import FULL_WEIGHT
from rollout.versions import CANARY_SUBSET, STABLE_SUBSET, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kube.cluster import Cluster


CREATOR = "pulumi-kubernetes"
"""The field manager under which the Kubernetes plugin creates objects (since 4.29)."""


class Routed(Protocol):
    """What must be known of a service: where it lives, and what brings traffic to it."""

    @property
    def kind(self) -> str:
        """`api`, `grpc` or `worker`; empty where that is not known."""

    @property
    def namespace(self) -> str:
        """Where its objects live."""


@dataclass(frozen=True)
class Stroke:
    """What the first stroke did to one service.

    Attributes:
        service: Its name.
        moved: The objects that were changed; empty if none sent anything to a canary.
        failure: Why an object could not be changed; empty if all went well.
        found: The objects that were there.
        missing: Those that were looked for and are not there, as `VirtualService auth/auth-api`.
    """

    service: str
    moved: tuple[str, ...]
    failure: str = ""
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether the service has routes, and none of them was found: nothing is known of its canary then."""
        return bool(self.missing) and not self.found and not self.failure


def without_canary(virtual_service: Mapping[str, Any]) -> dict[str, Any]:
    """A VirtualService as it is at phase 0: no rule leads to the canary alone, and no weight to it.

    A rule that knows only the canary, without a match on headers, is one at weight 100: it leads to
    stable instead.
    """
    changed = copy.deepcopy(dict(virtual_service))
    changed["spec"]["http"] = [
        _stable_only(rule) for rule in changed["spec"].get("http", ()) if not is_header_rule(rule)
    ]
    return changed


def is_header_rule(rule: Mapping[str, Any]) -> bool:
    """Whether a VirtualService's rule leads the canary header to the canary."""
    subsets = {subset_of(route) for route in rule.get("route", ())}
    return subsets == {CANARY_SUBSET} and any("headers" in match for match in rule.get("match", ()))


def _stable_only(rule: dict[str, Any]) -> dict[str, Any]:
    routes = rule.get("route", ())
    if not any(subset_of(route) == CANARY_SUBSET for route in routes):
        return rule
    stable = copy.deepcopy(routes[0])
    stable["destination"]["subset"], stable["weight"] = STABLE_SUBSET, FULL_WEIGHT
    return {**rule, "route": [stable]}


def subset_of(route: Mapping[str, Any]) -> str:
    """The subset that a rule's destination names; empty for none."""
    return str(route["destination"].get("subset", ""))


def pinned(service: Mapping[str, Any]) -> dict[str, Any]:
    """A Service that selects stable's pods only (rule 5)."""
    changed = copy.deepcopy(dict(service))
    changed["spec"]["selector"]["version"] = STABLE_VERSION
    return changed


def strike(cluster: Cluster, services: Mapping[str, Routed], names: Iterable[str]) -> list[Stroke]:
    """Takes the canaries of some services out of all routes, all objects at the same time.

    Args:
        cluster: The cluster.
        services: What the services are.
        names: Which of them.

    Returns:
        What was done, one a service; a failure of one holds up no other.
    """
    looks = [(name, Later(partial(_take_back, cluster, name, services[name]))) for name in names]
    return [later.result() for _, later in looks]


def _take_back(cluster: Cluster, name: str, service: Routed) -> Stroke:
    """Takes one service's canary out of its routes."""
    if service.kind != "worker" and not service.namespace:
        told = "its namespace cannot be read from services.yaml; name it: --namespace NAMESPACE"
        return Stroke(name, (), told)
    moved: list[str] = []
    found: list[str] = []
    missing: list[str] = []
    failures: list[str] = []

    def move(places: Iterable[tuple[str, str]]) -> None:
        begun = [
            (
                f"{kind} {service.namespace}/{one}",
                Later(partial(_move, cluster, kind, service.namespace, one)),
            )
            for kind, one in places
        ]
        for title, later in begun:
            try:
                result = later.result()
            except ClusterError as error:
                failures.append(str(error))
                continue
            (missing if result is None else found).append(title)
            if result:
                moved.append(title)

    move(route_objects(name, service))
    if not service.kind and not found and not failures:
        # Of another kind, it has no VirtualService, and its Service is the route.
        missing.clear()
        move([("Service", name)])
    return Stroke(name, tuple(moved), "; ".join(dict.fromkeys(failures)), tuple(found), tuple(missing))


def route_objects(name: str, service: Routed) -> list[tuple[str, str]]:
    """Kind and name of what brings traffic to a service's canary."""
    if service.kind in ("api", ""):
        return [("VirtualService", name), ("VirtualService", f"{name}-mesh")]
    return [("Service", name)] if service.kind == "grpc" else []


def _move(cluster: Cluster, kind: str, namespace: str, name: str) -> bool | None:
    """Takes the canary out of one object; False if it was not in it, None if there is no such object."""
    live = cluster.read(kind, namespace, name)
    if live is None:
        return None
    wanted = without_canary(live) if kind == "VirtualService" else pinned(live)
    if wanted == live and not hands(live, kind):
        return False
    cluster.apply(applicable(wanted), FIELD_MANAGER)
    return wanted != live


def hands(live: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """Who else has set what leads to the canary, by field manager; the next update meets a conflict with them.

    What the plugin has created, its first update takes over by itself.
    """
    field = "f:http" if kind == "VirtualService" else "f:selector"
    return tuple(
        str(one.get("manager"))
        for one in live["metadata"].get("managedFields", ())
        if field in one.get("fieldsV1", {}).get("f:spec", {})
        and one.get("manager") not in (FIELD_MANAGER, CREATOR)
    )


def applicable(live: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it may be applied: without what the server keeps of its own.

    A label or annotation that is left out would be taken away, since the same manager owns it.
    """
    meta = {
        key: value
        for key, value in live["metadata"].items()
        if key in ("name", "namespace", "labels", "annotations")
    }
    # Addresses cannot change, and nobody need own them.
    spec = {key: value for key, value in live["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta, "spec": spec}

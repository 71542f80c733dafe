"""The first stroke of an abort: routes go back to stable, straight at the API.

It reads what is there and takes the canary out of it, so it needs neither Pulumi nor the
state nor a config that can be used. It writes as the updates do, by a forced server-side
apply of the whole object under their field manager, so that the next update meets no
conflict (rule 12).
"""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from components.metadata import FIELD_MANAGER
from eco2.cluster import ClusterError
from rollout.ladder import FULL_WEIGHT
from rollout.versions import CANARY_SUBSET, STABLE_SUBSET, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eco2.cluster import Cluster


CREATOR = "pulumi-kubernetes"
"""The field manager under which the Kubernetes plugin creates objects (since 4.29)."""


class Routed(Protocol):
    """What must be known of a service: where it lives, and what brings traffic to it."""

    @property
    def kind(self) -> str:
        """`api`, `grpc` or `worker`."""

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
    """

    service: str
    moved: tuple[str, ...]
    failure: str = ""


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
    wanted = list(names)
    objects = [(name, kind, one) for name in wanted for kind, one in _objects(name, services[name])]

    def move(place: tuple[str, str, str]) -> tuple[bool, str]:
        """Whether an object had to be changed, and why it could not be."""
        name, kind, object_name = place
        try:
            return _move(cluster, kind, services[name].namespace, object_name), ""
        except ClusterError as error:
            return False, str(error)

    with ThreadPoolExecutor(max_workers=max(len(objects), 1)) as pool:
        results = list(zip(objects, pool.map(move, objects), strict=True))
    return [
        Stroke(
            name,
            tuple(f"{kind} {one}" for (owner, kind, one), (moved, _) in results if owner == name and moved),
            "; ".join(dict.fromkeys(why for (owner, _, _), (_, why) in results if owner == name and why)),
        )
        for name in wanted
    ]


def _objects(name: str, service: Routed) -> list[tuple[str, str]]:
    """Kind and name of what brings traffic to a service's canary."""
    if service.kind == "api":
        return [("VirtualService", name), ("VirtualService", f"{name}-mesh")]
    return [("Service", name)] if service.kind == "grpc" else []


def _move(cluster: Cluster, kind: str, namespace: str, name: str) -> bool:
    """Takes the canary out of one object; False if it was not in it, or there is no such object."""
    live = cluster.read(kind, namespace, name)
    if live is None:
        return False
    wanted = without_canary(live) if kind == "VirtualService" else pinned(live)
    if wanted == live and _own(live, kind):
        return False
    cluster.apply(applicable(wanted), FIELD_MANAGER)
    return wanted != live


def _own(live: Mapping[str, Any], kind: str) -> bool:
    """Whether nobody else has set what leads to the canary; a hand that did would be in the next update's way.

    What the plugin has created, its first update takes over by itself.
    """
    field = "f:http" if kind == "VirtualService" else "f:selector"
    return not any(
        field in one.get("fieldsV1", {}).get("f:spec", {})
        for one in live["metadata"].get("managedFields", ())
        if one.get("manager") not in (FIELD_MANAGER, CREATOR)
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

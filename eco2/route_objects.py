"""Objects that bring traffic to a canary, and the same objects without it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from components.metadata import FIELD_MANAGER
from kube.cluster import ClusterError
from rollout.ladder import FULL_WEIGHT
from rollout.versions import CANARY_SUBSET, STABLE_SUBSET, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATOR = "pulumi-kubernetes"
"""The field manager under which the Kubernetes plugin creates objects (since 4.29)."""
SECTIONS = ("http", "tls", "tcp")
"""Where a VirtualService keeps its rules; the program writes the first alone, and a hand may write all."""


def objects_of(name: str, kind: str) -> list[tuple[str, str]]:
    """Kind and name of what brings traffic to the canary of a service of some kind."""
    if kind == "api":
        return virtual_services(name)
    return [("Service", name)] if kind == "grpc" else []


def virtual_services(name: str) -> list[tuple[str, str]]:
    """Kind and name of both VirtualServices of a service: of the public host and of the mesh."""
    return [("VirtualService", name), ("VirtualService", f"{name}-mesh")]


def without_canary(virtual_service: Mapping[str, Any]) -> dict[str, Any]:
    """A VirtualService as it is at phase 0: no rule leads to the canary alone, and no weight or mirror to it.

    A rule that knows only the canary, without a match on headers, is one at weight 100: it leads to
    stable instead.
    """
    changed = copy.deepcopy(dict(virtual_service))
    spec = changed.get("spec") or {}
    for section in SECTIONS:
        if section in spec:
            spec[section] = [_stable_only(rule) for rule in spec[section] if not is_header_rule(rule)]
    return changed


def is_header_rule(rule: Mapping[str, Any]) -> bool:
    """Whether a VirtualService's rule leads the canary header to the canary."""
    subsets = {subset_of(route) for route in rule.get("route", ())}
    return subsets == {CANARY_SUBSET} and any("headers" in match for match in rule.get("match", ()))


def _stable_only(rule: dict[str, Any]) -> dict[str, Any]:
    rule = _without_mirrors(rule)
    routes = rule.get("route", ())
    if not any(subset_of(route) == CANARY_SUBSET for route in routes):
        return rule
    stable = copy.deepcopy(routes[0])
    stable["destination"]["subset"], stable["weight"] = STABLE_SUBSET, FULL_WEIGHT
    return {**rule, "route": [stable]}


def _without_mirrors(rule: dict[str, Any]) -> dict[str, Any]:
    kept = dict(rule)
    if (kept.get("mirror") or {}).get("subset") == CANARY_SUBSET:
        del kept["mirror"]
        kept.pop("mirrorPercentage", None)
    if others := kept.pop("mirrors", ()):
        stays = [one for one in others if (one.get("destination") or {}).get("subset") != CANARY_SUBSET]
        kept |= {"mirrors": stays} if stays else {}
    return kept


def subset_of(route: Mapping[str, Any]) -> str:
    """The subset that a rule's destination names; empty for none."""
    return str(route["destination"].get("subset", ""))


def pinned(service: Mapping[str, Any]) -> dict[str, Any]:
    """A Service that selects stable's pods only (rule 5).

    Raises:
        ClusterError: If it selects no pods at all: the version alone would select those of all services.
    """
    changed = copy.deepcopy(dict(service))
    selector = (changed.get("spec") or {}).get("selector")
    if not selector:
        meta = service["metadata"]
        raise ClusterError(f"Service {meta.get('namespace')}/{meta.get('name')} has no selector")
    selector["version"] = STABLE_VERSION
    return changed


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

    A label or annotation that is left out would be taken away, since the same manager owns it. With the version
    that was read, the server refuses what would undo a change that came in between.
    """
    meta = {
        key: value
        for key, value in live["metadata"].items()
        if key in ("name", "namespace", "labels", "annotations", "resourceVersion")
    }
    # Addresses cannot change, and nobody need own them.
    spec = {
        key: value
        for key, value in (live.get("spec") or {}).items()
        if key not in ("clusterIP", "clusterIPs")
    }
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta, "spec": spec}

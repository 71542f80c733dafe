"""Canaries that the cluster has, whatever the checkout says: `--all` means those that it does not know, too."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from eco2.abort.files import Place, known_kind, text_of
from eco2.abort.targets import components
from eco2.background import Later
from kube.cluster import PART_OF
from kube.errors import ClusterError, ForbiddenError
from kube.kinds import path
from rollout.traffic.names import is_canary, owner
from rollout.traffic.selector import NoSelectorError, pinned
from rollout.traffic.strip import without_canary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from kube.cluster import ClusterClient

COMPONENT: Final = "app.kubernetes.io/component"
NAMED = re.compile(r"""^partOf\s*:\s*["']?([\w.-]+)""", re.MULTILINE)


@dataclass(frozen=True)
class Strays:
    """The services with a canary in the cluster.

    Attributes:
        places: Where they are, by service.
        unknown: Why there may be more; empty where these are all.
    """

    places: Mapping[str, Place] = field(default_factory=dict)
    unknown: str = ""


def canaries_of_all(cluster: ClusterClient, file: Path, namespaces: Collection[str]) -> Strays:
    """Looks for canaries by the label that all objects of the program carry.

    Args:
        cluster: Where to look.
        file: `services.yaml`, which names the label's value.
        namespaces: Where to look if the whole cluster may not be listed.
    """
    named = NAMED.findall(text_of(file))
    if len(named) != 1:
        return Strays(unknown=f"{file.name} does not tell its partOf, by whose label they are found")
    looks = {
        kind: Later(partial(_listed, cluster, kind, named[0], namespaces))
        for kind in ("VirtualService", "Service", "Deployment")
    }
    places: dict[str, Place] = {}
    unknown: list[str] = []
    for kind, look in looks.items():
        try:
            found = [live for live in look.result() if _has_canary(kind, live)]
        except ClusterError as error:
            unknown.append(str(error))
            continue
        for live in found:
            places.setdefault(*_place(live))
    return Strays(places, "; ".join(dict.fromkeys(unknown)))


def places_in_state(resources: Iterable[Mapping[str, Any]], names: Collection[str]) -> dict[str, Place]:
    """Where services live, by the state.

    Args:
        resources: Its resources.
        names: The services.
    """
    resources = list(resources)
    known, places = components(resources), dict[str, Place]()
    for one in resources:
        name = known.get(one.get("parent", ""))
        meta = (one.get("inputs") or {}).get("metadata") or {}
        if name and name in names and meta.get("namespace"):
            kind = known_kind(str((meta.get("labels") or {}).get(COMPONENT)))
            places.setdefault(name, Place(kind, meta["namespace"]))
    return places


def _listed(
    cluster: ClusterClient, kind: str, part_of: str, namespaces: Collection[str]
) -> list[dict[str, Any]]:
    selector = {"labelSelector": f"{PART_OF}={part_of}"}
    try:
        return cluster.list(path(kind), selector)
    except ForbiddenError:
        if not namespaces:
            raise
    # Who is on call may read these namespaces alone.
    looks = [Later(partial(cluster.list, path(kind, one), selector)) for one in namespaces]
    return [live for look in looks for live in look.result()]


def _has_canary(kind: str, live: Mapping[str, Any]) -> bool:
    meta = live["metadata"]
    if kind == "Deployment":
        return is_canary(meta["name"]) and not meta.get("deletionTimestamp")
    try:
        if kind == "VirtualService":
            return without_canary(live) != live
        return (meta.get("labels") or {}).get(COMPONENT) == "grpc" and pinned(live) != live
    except (NoSelectorError, LookupError, TypeError, AttributeError):
        return True  # of another shape: the stroke says so


def _place(live: Mapping[str, Any]) -> tuple[str, Place]:
    meta = live["metadata"]
    labels = meta.get("labels") or {}
    name = labels.get("app") or owner(meta["name"])
    return str(name), Place(known_kind(str(labels.get(COMPONENT))), str(meta["namespace"]))

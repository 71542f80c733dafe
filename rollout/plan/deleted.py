"""What has traffic and would be deleted: services that `services.yaml` no longer has, or has elsewhere (rule 18).

An update deletes from the cluster whatever the program no longer declares, and a line less in
`services.yaml`, or another name in it, is easily merged. Read from the state, which alone still knows such
a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rollout.diff.paths import mesh_hosts, paths
from rollout.plan.state import DEPLOYMENT, ROUTES, SELECTOR
from rollout.traffic.names import canary_name, owner, routing_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollout.spec.catalog import Catalog

KINDS: Final = {DEPLOYMENT: "Deployment", ROUTES: "VirtualService", SELECTOR: "Service"}


@dataclass(frozen=True)
class Gone:
    """Something that requests reach, and that this update deletes.

    Attributes:
        name: The service, or the companion of one.
        reached: How requests reach it: `/api/v1/chat`, `chat-api.chat`; empty for what reads queues.
        objects: The Deployments, Services and VirtualServices that go: `Deployment chat-api`.
        moves_to: The namespace that `services.yaml` has it in now; empty where it has it nowhere.
        kind_changes: Whether `services.yaml` still has it there, as something that takes no requests so.
    """

    name: str
    reached: tuple[str, ...]
    objects: tuple[str, ...]
    moves_to: str = ""
    kind_changes: bool = False


def gone(catalog: Catalog, resources: Mapping[str, Any] | None, known: Iterable[str]) -> tuple[Gone, ...]:
    """What an update of everything would delete of what has traffic.

    Args:
        catalog: What the services are now.
        resources: Type and outputs of the stack's resources by URN; None where the state is not known.
        known: The services that an update has brought up: one that never was has no traffic.
    """
    places = _places(catalog)
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for urn, resource in (resources or {}).items():
        kind, outputs = KINDS.get(resource["type"]), resource.get("outputs")
        if kind is None or not isinstance(outputs, dict):
            continue
        name, place = urn.rsplit("::", 1)[1], _namespace(outputs)
        declared = places.get((kind, name))
        if declared is None or place not in (declared, ""):
            found.setdefault(_owner(name, catalog), []).append((kind, name, outputs))
    brought_up = set(known)
    return tuple(
        _gone(name, objects, catalog)
        for name, objects in found.items()
        # A companion stands in no output, and its Service is what others call.
        if name in brought_up or any(kind == "Service" for kind, _, _ in objects)
    )


def _places(catalog: Catalog) -> dict[tuple[str, str], str]:
    """The namespace of everything that the program declares, canary or not, by kind and name."""
    places: dict[tuple[str, str], str] = {}
    for name, service in catalog.services.items():
        own = [("Deployment", name), ("Deployment", canary_name(name))]
        if not service.reads_queues:
            own.append(("Service", name))
        if service.by_selector:
            own.append(("Service", canary_name(name)))
        own += routing_objects(name, service.kind)
        own += [(kind, one) for one in service.companions for kind in ("Deployment", "Service")]
        places |= dict.fromkeys(own, service.namespace)
    return places


def _owner(name: str, catalog: Catalog) -> str:
    """The service that an object belongs to, by its name."""
    if name in catalog.services:
        return name
    return owner(name)


def _gone(name: str, objects: list[tuple[str, str, Mapping[str, Any]]], catalog: Catalog) -> Gone:
    reached: dict[str, None] = {}
    for kind, one, outputs in sorted(objects, key=lambda entry: (entry[0] != "VirtualService", entry[1])):
        reached |= dict.fromkeys(_reached(kind, one, outputs))
    now = catalog.services.get(name)
    there = {_namespace(outputs) for _, _, outputs in objects}
    moves_to = now.namespace if now and not there & {now.namespace, ""} else ""
    return Gone(
        name,
        tuple(reached),
        tuple(f"{kind} {one}" for kind, one, _ in sorted(objects, key=lambda entry: entry[:2])),
        moves_to,
        now is not None and not moves_to,
    )


def _reached(kind: str, name: str, outputs: Mapping[str, Any]) -> tuple[str, ...]:
    if kind == "Service":
        return (f"{name}.{_namespace(outputs)}",)
    return (*paths(outputs), *mesh_hosts(outputs)) if kind == "VirtualService" else ()


def _namespace(outputs: Mapping[str, Any]) -> str:
    return str((outputs.get("metadata") or {}).get("namespace", ""))

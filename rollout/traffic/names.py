"""What the objects of a service are called, and which of them bring traffic to it."""

from __future__ import annotations

from typing import Final

from rollout.traffic.kinds import by_selector, by_weight

_MESH: Final = "-mesh"
_CANARY: Final = "-canary"


def canary_name(service: str) -> str:
    """The name of a canary's own objects."""
    return f"{service}{_CANARY}"


def mesh_name(service: str) -> str:
    """The name of the VirtualService for callers inside the mesh."""
    return f"{service}{_MESH}"


def owner(name: str) -> str:
    """The service that an object of some name belongs to."""
    return name.removesuffix(_MESH) if name.endswith(_MESH) else name.removesuffix(_CANARY)


def is_canary(name: str) -> bool:
    """Whether a name, or a URN that ends in one, is that of a canary's object."""
    return name.endswith(_CANARY)


def kept_ending(name: str) -> str:
    """The ending of a name that belongs to objects of another service; empty where it has none such."""
    return next((ending for ending in (_CANARY, _MESH) if name.endswith(ending)), "")


def own_names(service: str) -> tuple[str, str, str]:
    """The names that a service's objects have: stable's, the canary's, and the mesh's."""
    return service, canary_name(service), mesh_name(service)


def virtual_services(service: str) -> tuple[str, str]:
    """Both VirtualServices: of the public host, and of the mesh (rule 4)."""
    return service, mesh_name(service)


def routing_objects(service: str, kind: str) -> tuple[tuple[str, str], ...]:
    """Kind and name of what brings traffic to a service.

    Args:
        service: Its name.
        kind: `api`; `grpc`, whose Service selects by version (rule 5); or `worker`, which has no routes (rule 6).
    """
    if by_weight(kind):
        return tuple(("VirtualService", name) for name in virtual_services(service))
    return (("Service", service),) if by_selector(kind) else ()


def service_host(service: str, namespace: str) -> str:
    """The name under which the mesh knows a Service."""
    return f"{service}.{namespace}.svc.cluster.local"

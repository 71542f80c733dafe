"""What leads to a service, read from the VirtualServices and Services that a state holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.diff.objects import Object

SUFFIX: Final = ".svc.cluster.local"


def paths(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the public host a VirtualService routes: `/api/v1/chat`; nothing for one of the mesh."""
    spec = inputs.get("spec") or {}
    if "mesh" in (spec.get("gateways") or ()):
        return ()
    rules = spec.get("http") or ()
    uris = [match.get("uri") or {} for rule in rules for match in rule.get("match") or ()]
    return tuple(dict.fromkeys(str(path) for uri in uris for path in uri.values()))


def hosts(one: Object) -> tuple[str, ...]:
    """Under which name callers in the mesh reach an object: `chat-api.chat`."""
    if one.type == "kubernetes:core/v1:Service":
        return (f"{one.name}.{one.namespace}",)
    return mesh_hosts(one.inputs) if one.kind == "VirtualService" else ()


def mesh_hosts(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The hosts of a VirtualService of the mesh; nothing for the public one."""
    spec = inputs.get("spec") or {}
    if "mesh" not in (spec.get("gateways") or ()):
        return ()
    return tuple(str(host).removesuffix(SUFFIX) for host in spec.get("hosts") or ())

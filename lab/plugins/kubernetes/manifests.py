"""Forms of an object: as the engine names it, as a server keeps it, as the state holds it."""

from __future__ import annotations

from typing import Any

from kubernetes.utils.quantity import parse_quantity

from lab.plugins.host import to_struct

SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")


def normal(value: Any, key: str = "") -> Any:
    """A value as a server would keep it: without lists and maps that hold nothing, and `1000m` of a CPU as 1."""
    if isinstance(value, dict) and key in ("limits", "requests"):
        return {name: _quantity(amount) for name, amount in value.items()}
    if isinstance(value, dict):
        kept = {name: normal(one, name) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in ({}, [])}
    return [normal(one) for one in value] if isinstance(value, list) else value


def _quantity(amount: Any) -> str:
    return str(parse_quantity(amount).normalize())  # type: ignore[no-untyped-call]  # the client has no types


def described(request: Any) -> dict[str, Any]:
    """The object that an import names: its kind from the token, its name from the id."""
    group_version, kind = request.urn.split("::")[2].split("$")[-1].split(":", 1)[1].rsplit(":", 1)
    namespace, _, name = request.id.rpartition("/")
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    api_version = group_version.removeprefix("core/")
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}


def substance(live: dict[str, Any]) -> dict[str, Any]:
    """An object without what the server keeps of its own."""
    meta = {key: value for key, value in live["metadata"].items() if key not in SERVERS_OWN}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": meta}


def state(live: dict[str, Any]) -> Any:
    """An object as the engine's state holds it."""
    meta = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return to_struct({**live, "metadata": meta})


def pruned(live: Any, shape: Any) -> Any:
    """The live values at the places that the inputs name."""
    if isinstance(live, dict) and isinstance(shape, dict):
        return {key: pruned(live[key], value) for key, value in shape.items() if key in live}
    if isinstance(live, list) and isinstance(shape, list) and len(live) == len(shape):
        return [pruned(one, value) for one, value in zip(live, shape, strict=True)]
    return live

"""Who has set what leads traffic to a canary, by field manager, and how such an object is applied anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rollout.marks import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATOR = "pulumi-kubernetes"
"""The field manager under which the Kubernetes plugin creates objects (since 4.29)."""


FIELDS: Final = {"VirtualService": "f:http", "Service": "f:selector", "DestinationRule": "f:trafficPolicy"}
"""What of an object's spec leads to the canary, by kind."""


def hands(live: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """Who else has set what leads to the canary, by field manager; the next update meets a conflict with them.

    What the plugin has created, its first update takes over by itself.
    """
    field = FIELDS[kind]
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

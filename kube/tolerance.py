"""Whether a cluster keeps the tolerance of an autoscaler (`behavior.scaleDown.tolerance`).

Kubernetes to 1.32 has no such field, and refuses to apply it; 1.33 and 1.34 drop it unless a feature gate
(HPAConfigurableTolerance) is set; later ones keep it unless that gate is off. A version does not tell of gates,
so the server is asked what it would make of an autoscaler that has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kube.kinds import path

if TYPE_CHECKING:
    from kube.cluster import ClusterClient

AUTOSCALER = "HorizontalPodAutoscaler"
EVERYWHERE = "default"
"""A namespace that every cluster has."""
SCALED_OBJECTS = "/openapi/v3/apis/keda.sh/v1alpha1"
ATTEMPT = {
    "apiVersion": "autoscaling/v2",
    "kind": AUTOSCALER,
    "metadata": {"name": "eco2-tolerance-attempt"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "eco2-tolerance-attempt"},
        "maxReplicas": 1,
        "behavior": {"scaleDown": {"tolerance": "1"}},
    },
}
"""Only ever sent as a dry run."""
TO_TOLERANCE = ("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown", "tolerance")


def keeps_tolerance(cluster: ClusterClient, kind: str, namespace: str) -> bool:
    """Whether an autoscaler of a kind can have one.

    KEDA hands it on to an autoscaler of its own, so a ScaledObject needs both its definition and the server.

    Args:
        cluster: The cluster.
        kind: `HorizontalPodAutoscaler` or `ScaledObject`.
        namespace: Where it is tried: rights to create one may end at the services' namespaces. Before this one
            is there, it is tried in `default`.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    if kind == "ScaledObject" and not _in_schema(cluster.get(SCALED_OBJECTS) or {}):
        return False
    stored = cluster.tried(path(AUTOSCALER, namespace), ATTEMPT)
    stored = stored or cluster.tried(path(AUTOSCALER, EVERYWHERE), ATTEMPT)
    rules = ((stored.get("spec") or {}).get("behavior") or {}).get("scaleDown") or {}
    return "tolerance" in rules


def _in_schema(document: dict[str, Any]) -> bool:
    schemas = (document.get("components") or {}).get("schemas") or {}
    place: Any = next((one for name, one in schemas.items() if name.endswith(".ScaledObject")), {})
    for key in TO_TOLERANCE:
        place = (place.get("properties") or {}).get(key) or {}
    return bool(place)

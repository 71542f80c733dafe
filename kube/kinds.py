"""Where an API server has the objects of each kind."""

from __future__ import annotations

from typing import Final

_SERVED: Final = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "DestinationRule": ("/apis/networking.istio.io/v1", "destinationrules"),
    "Event": ("/api/v1", "events"),
    "Gateway": ("/apis/networking.istio.io/v1", "gateways"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Pod": ("/api/v1", "pods"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "ScaledObject": ("/apis/keda.sh/v1alpha1", "scaledobjects"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "VirtualService": ("/apis/networking.istio.io/v1", "virtualservices"),
}

OF_A_SERVICE: Final = (
    "Deployment",
    "DestinationRule",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "ScaledObject",
    "Service",
    "VirtualService",
)
"""The kinds that a service is made of."""


def plural(kind: str) -> str:
    """A kind as kubectl takes it: `deployments`."""
    return _SERVED[kind][1]


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """The path of an object, or without a name that of a list.

    Args:
        kind: `Deployment`.
        namespace: Empty for a list over all namespaces.
        name: Empty for a list.
    """
    api, resource = _SERVED[kind]
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{api}{place}/{resource}{f'/{name}' if name else ''}"

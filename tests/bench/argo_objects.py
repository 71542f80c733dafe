"""What Argo Rollouts gets to work on: a Rollout with auth-api's pods and our ladder, its Service and its routes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE, NAME, HOST = "argo-bench", "auth-api", "argo.eco2.test"
ROLLOUTS = "argoproj.io/v1alpha1"
HEADER = "x-canary"
PAUSES = {1: 2, 2: 5, 3: 7, 4: 9, 5: 11}
"""The step at which the Rollout stands still, by our phase."""


def steps() -> Iterator[dict[str, Any]]:
    """Our phases 1 to 5 as Argo's steps: the header first, then the weights, a pause after each."""
    header = {"headerName": HEADER, "headerValue": {"exact": "true"}}
    # Only once it has weight: at weight 0 the canary would go, and its header route with it for good.
    first = ({"setWeight": 5}, {"setCanaryScale": {"matchTrafficWeight": True}}, {"pause": {}})
    ladder = [step for weight in (20, 50, 100) for step in ({"setWeight": weight}, {"pause": {}})]
    return [
        {"setCanaryScale": {"replicas": 1}},
        {"setHeaderRoute": {"name": HEADER, "match": [header]}},
        {"pause": {}},
        *first,
        *ladder,
    ]


def rollout(deployment: dict[str, Any], version: str) -> dict[str, Any]:
    """A Rollout with the pods of a Deployment.

    Args:
        deployment: auth-api's own.
        version: The label by which the lab's pods say who they are.
    """
    routing = {
        "virtualService": {"name": NAME, "routes": ["primary"]},
        "destinationRule": {"name": NAME, "stableSubsetName": "stable", "canarySubsetName": "canary"},
    }
    canary = {
        "trafficRouting": {"managedRoutes": [{"name": HEADER}], "istio": routing},
        "steps": steps(),
    }
    return {
        "apiVersion": ROLLOUTS,
        "kind": "Rollout",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": NAME}},
            "strategy": {"canary": canary},
            "template": template(deployment, version),
        },
    }


def template(deployment: dict[str, Any], version: str) -> dict[str, Any]:
    """A Deployment's pods with labels and an image of one revision."""
    pods = copy.deepcopy(deployment["spec"]["template"])
    pods["metadata"] = {"labels": {"app": NAME, "version": version}}
    container = pods["spec"]["containers"][0]
    container["image"] = f"{container['image'].rsplit(':', 1)[0]}:auth-api-{version}"
    return pods


def around(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Namespace, Service and Istio's objects; Argo changes the last two."""
    meta = {"name": NAME, "namespace": NAMESPACE}
    host = f"{NAME}.{NAMESPACE}.svc.cluster.local"

    def to(subset: str, weight: int) -> dict[str, Any]:
        return {"destination": {"host": host, "subset": subset, "port": {"number": 8000}}, "weight": weight}

    routes = {
        "hosts": [HOST],
        "gateways": ["istio-system/eco2-gateway"],
        "http": [
            {
                "name": "primary",
                "match": [{"uri": {"prefix": "/api/v1/auth"}}],
                "route": [to("stable", 100), to("canary", 0)],
            }
        ],
    }
    subsets = {
        "host": host,
        "trafficPolicy": rule["spec"]["trafficPolicy"],
        "subsets": [{"name": name, "labels": {"app": NAME}} for name in ("stable", "canary")],
    }
    ports = [{"name": "http", "port": 8000, "targetPort": 8000}]
    istio = {"apiVersion": "networking.istio.io/v1", "metadata": meta}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": NAME}, "ports": ports},
        },
        {**istio, "kind": "DestinationRule", "spec": subsets},
        {**istio, "kind": "VirtualService", "spec": routes},
    ]

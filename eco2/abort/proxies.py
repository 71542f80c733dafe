"""Whether proxies learn of routes: a VirtualService at the API changes nothing while no istiod hands it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kube.errors import ClusterError
from kube.kinds import path

if TYPE_CHECKING:
    from kube.cluster import ClusterClient

ISTIO = "istio-system"


def why_routes_are_not_learnt(cluster: ClusterClient) -> str:
    """Why no proxy learns of a change of routes, with the way on; empty where one may.

    A control plane of which nothing can be read, or that is no Deployment of this cluster, is none that is known
    to be down.
    """
    from rollout.guards.readiness import ready_pods  # noqa: PLC0415  # an abort cannot wait for models before its routes

    try:
        found = cluster.list(path("Deployment", ISTIO), {"labelSelector": "app=istiod"})
    except ClusterError:
        return ""
    if not found or any(ready_pods(one.get("status") or {}) for one in found):
        return ""
    names = ", ".join(one["metadata"]["name"] for one in found)
    return (
        f"no pod of Deployment {ISTIO}/{names} is ready, and until one is, they send to the canary as before: "
        f"kubectl -n {ISTIO} rollout restart deployment {names.replace(',', '')}"
    )

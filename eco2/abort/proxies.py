"""Whether proxies learn of routes: a VirtualService at the API changes nothing while no istiod hands it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kube.errors import ClusterError
from kube.kinds import path

if TYPE_CHECKING:
    from kube.cluster import ClusterClient

ISTIO = "istio-system"


def silence(cluster: ClusterClient) -> str:
    """That proxies do not know of routes that were written, or may not, and why; empty where they do."""
    return in_words(why_routes_are_not_learnt(cluster), why_it_is_not_known(cluster))


def in_words(silent: str, unknown: str) -> str:
    """The same, of what was found out already.

    Args:
        silent: Why no proxy learns of a change of routes.
        unknown: Why nobody knows whether they do.
    """
    if silent:
        return f"proxies do not know that yet: {silent}"
    return f"whether proxies know that is not known: {unknown}" if unknown else ""


def why_routes_are_not_learnt(cluster: ClusterClient) -> str:
    """Why no proxy learns of a change of routes, with the way on; empty where one may, or nobody knows."""
    return look_at_istiod(cluster)[0]


def look_at_istiod(cluster: ClusterClient) -> tuple[str, str]:
    """Why no proxy learns of a change of routes, with the way on; and why that could not be looked at.

    A control plane that is no Deployment of this cluster is managed elsewhere; of one that this user may not read,
    or of which a server that is ill tells nothing, it is not known whether it is down.
    """
    from rollout.guards.readiness import ready_pods  # noqa: PLC0415  # an abort cannot wait for models before its routes

    try:
        found = cluster.list(path("Deployment", ISTIO), {"labelSelector": "app=istiod"})
    except ClusterError as error:
        return "", f"whether istiod hands it on to proxies was not looked at: {error}"
    if not found or any(ready_pods(one.get("status") or {}) for one in found):
        return "", ""
    names = ", ".join(one["metadata"]["name"] for one in found)
    return (
        f"no pod of Deployment {ISTIO}/{names} is ready, and until one is, they send to the canary as before: "
        f"kubectl -n {ISTIO} rollout restart deployment {names.replace(',', '')}"
    ), ""


def why_it_is_not_known(cluster: ClusterClient) -> str:
    """Why nobody knows whether proxies learn of routes that were written; empty where they may.

    An istiod from 1.22 on reads `v1`. Where that is not served any more, it hears of nothing.
    """
    if not (version := cluster.version_instead("virtualservices")):
        return ""
    look = "kubectl get crd virtualservices.networking.istio.io -o yaml"
    return f"the cluster serves VirtualServices by {version} and not by v1, which istiod reads from 1.22 on: {look}"

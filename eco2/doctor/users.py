"""Whether the header that names users is there before a route is chosen (rule 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from eco2.doctor.finding import fine, unchecked, warning
from kube.errors import NotServedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient
    from rollout.spec.service import ServiceSpec

USERS = "users"
MESH = "/api/v1/namespaces/istio-system/configmaps/istio"
POLICIES = "/apis/security.istio.io/v1/authorizationpolicies"
EXT_AUTHZ = ("envoyExtAuthzGrpc", "envoyExtAuthzHttp")


def users(cluster: ClusterClient, services: Mapping[str, ServiceSpec], context: str) -> list[CheckResult]:
    """Looks at who may set the headers by which services know their users.

    Envoy chooses a route before its filters run. What an ext_authz filter adds to a request is looked at only if the
    filter clears the choice (`clearRouteCache`; envoyproxy.io, ext_authz filter).

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    by_header = {name: one.stickiness.header for name, one in services.items() if one.stickiness}
    by_header = {name: header for name, header in by_header.items() if header}
    if not by_header:
        return []
    who = "; ".join(f"{name} knows users by {header}" for name, header in by_header.items())
    asking = _asking(cluster)
    if not asking:
        return [fine(USERS, f"{who}, which callers send")]
    text = ((cluster.get(MESH) or {}).get("data") or {}).get("mesh")
    if text is None:
        return [unchecked(USERS, "no ConfigMap istio in istio-system has the mesh's settings")]
    try:
        clearing = {one["name"]: _clears_the_route(one) for one in yaml.safe_load(text)["extensionProviders"]}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        return [unchecked(USERS, "the ConfigMap istio in istio-system names no providers")]
    if late := sorted(name for name in asking if not clearing.get(name)):
        what = f"{who}. If {', '.join(late)} sets that header, it comes too late: the route is chosen before"
        edit = f"kubectl --context {context} -n istio-system edit configmap istio"
        return [warning(USERS, what, f"{edit}, and give the provider clearRouteCache: true")]
    return [fine(USERS, f"{who}; routes are chosen again after {', '.join(sorted(asking))}")]


def _asking(cluster: ClusterClient) -> set[str]:
    """The providers that some policy asks."""
    try:
        listed = cluster.list(POLICIES)
    except NotServedError:
        return set()
    return {
        (one["spec"].get("provider") or {}).get("name", "")
        for one in listed
        if (one.get("spec") or {}).get("action") == "CUSTOM"
    }


def _clears_the_route(provider: Mapping[str, Any]) -> bool:
    return any((provider.get(kind) or {}).get("clearRouteCache") is True for kind in EXT_AUTHZ)

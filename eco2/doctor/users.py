"""Whether the header that names users is there before a route is chosen (rule 21)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eco2.doctor.finding import fine, warning
from kube.errors import NotServedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient
    from rollout.spec.service import ServiceSpec

USERS = "users"
POLICIES = "/apis/security.istio.io/v1/authorizationpolicies"
FILTERS = "/apis/networking.istio.io/v1alpha3/envoyfilters"
CLEARING = ('"clear_route_cache": true', '"clearRouteCache": true')
"""How a patch of the filter says it; protobuf knows both spellings."""


def users(cluster: ClusterClient, services: Mapping[str, ServiceSpec], context: str) -> list[CheckResult]:
    """Looks at who may set the headers by which services know their users.

    Envoy chooses a route before its filters run. What an ext_authz filter adds to a request counts only if the
    filter clears that choice (`clear_route_cache`; envoyproxy.io, ext_authz filter). Istio's own setting of
    that name reaches no proxy (istio#61558; seen with 1.31), so an EnvoyFilter has to say it.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    by_header = {name: one.stickiness.header for name, one in services.items() if one.stickiness}
    who = "; ".join(f"{name} knows users by {header}" for name, header in by_header.items() if header)
    if not who:
        return []
    asking = _asking(cluster)
    if not asking:
        return [fine(USERS, f"{who}, which callers send")]
    authorizers = ", ".join(sorted(asking))
    if _clears_routes(cluster):
        return [fine(USERS, f"{who}; routes are chosen again after {authorizers}")]
    what = f"{who}. If {authorizers} sets that header, it comes too late: the route is chosen before"
    return [
        warning(USERS, what, f"kubectl --context {context} apply -f docs/istio/routes-after-ext-authz.yaml")
    ]


def _asking(cluster: ClusterClient) -> set[str]:
    """The providers that some policy asks."""
    try:
        listed = cluster.list(POLICIES)
    except NotServedError:
        return set()
    custom = [one["spec"] for one in listed if (one.get("spec") or {}).get("action") == "CUSTOM"]
    return {(one.get("provider") or {}).get("name", "") for one in custom}


def _clears_routes(cluster: ClusterClient) -> bool:
    try:
        listed = cluster.list(FILTERS)
    except NotServedError:
        return False
    patches = [
        json.dumps(one.get("patch")) for each in listed for one in each["spec"].get("configPatches", ())
    ]
    return any("ext_authz" in patch and any(word in patch for word in CLEARING) for patch in patches)

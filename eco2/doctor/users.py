"""Whether the header that names users is there before a route is chosen (rule 21)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eco2.doctor.finding import fine, warning
from kube.errors import NotServedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient
    from rollout.spec.service import ServiceSpec

USERS = "users"
POLICIES = "/apis/security.istio.io/v1/authorizationpolicies"
FILTERS = "/apis/networking.istio.io/v1alpha3/envoyfilters"
CLEARING = ('"clear_route_cache": true', '"clearRouteCache": true')
"""How a patch of the filter says it; protobuf knows both spellings."""


PLACES = ("GATEWAY", "ANY", None)
"""The contexts of a patch that reach a gateway."""


def users(
    cluster: ClusterClient, services: Mapping[str, ServiceSpec], gateway: str, context: str
) -> list[CheckResult]:
    """Looks at who may set the headers by which services know their users.

    Envoy chooses a route before its filters run. What an ext_authz filter adds to a request counts only if the
    filter clears that choice (`clear_route_cache`; envoyproxy.io, ext_authz filter). Istio's own setting of
    that name reaches no proxy (istio#61558; seen with 1.31), so an EnvoyFilter has to say it.

    Args:
        cluster: The cluster.
        services: What the services are, by name.
        gateway: Namespace and name of the Gateway of public routes.
        context: The kubeconfig's context.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    by_header = {name: one.stickiness.header for name, one in services.items() if one.stickiness}
    who = "; ".join(f"{name} knows users by {header}" for name, header in by_header.items() if header)
    if not who:
        return []
    near = {gateway.split("/", maxsplit=1)[0], "istio-system"}
    asking = _asking(cluster, near)
    if not asking:
        return [fine(USERS, f"{who}; no policy of the gateway asks an authorizer, so callers must send it")]
    authorizers = ", ".join(sorted(asking))
    if _clears_routes(cluster, near):
        return [fine(USERS, f"{who}; routes are chosen again after {authorizers}")]
    what = f"{who}. If {authorizers} sets that header, it comes too late: the route is chosen before"
    return [
        warning(USERS, what, f"kubectl --context {context} apply -f docs/istio/routes-after-ext-authz.yaml")
    ]


def _asking(cluster: ClusterClient, near: Collection[str]) -> set[str]:
    """The providers that some policy of the gateway's namespace, or of the whole mesh, asks."""
    specs = [one.get("spec") or {} for one in _listed(cluster, POLICIES, near)]
    return {(one.get("provider") or {}).get("name", "") for one in specs if one.get("action") == "CUSTOM"}


def _clears_routes(cluster: ClusterClient, near: Collection[str]) -> bool:
    """Whether a filter of the gateway is told to. Which of several gateways it selects is not looked at."""
    for each in _listed(cluster, FILTERS, near):
        for one in (each.get("spec") or {}).get("configPatches") or ():
            patch, context = one.get("patch") or {}, (one.get("match") or {}).get("context")
            text = json.dumps(patch.get("value"))
            if patch.get("operation") == "REMOVE" or context not in PLACES or "ext_authz" not in text:
                continue
            if any(word in text for word in CLEARING):
                return True
    return False


def _listed(cluster: ClusterClient, path: str, near: Collection[str]) -> list[dict[str, Any]]:
    try:
        return [one for one in cluster.list(path) if one["metadata"].get("namespace") in near]
    except NotServedError:
        return []

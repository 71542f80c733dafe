"""Istio's objects: which request reaches which subset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.metadata import present
from rollout.catalog import service_host
from rollout.versions import CANARY_SUBSET, STABLE_SUBSET, SUBSETS

if TYPE_CHECKING:
    from rollout.catalog import CanaryHeader, Service
    from rollout.plan import RolloutPlan
    from rollout.routes import Route, TrafficPolicy


def destination_rule_spec(host: str, policy: TrafficPolicy) -> dict[str, Any]:
    """Both subsets, always: a rollout never changes this object (rule 7; argo-rollouts#2507)."""
    pool = policy.connection_pool
    return {
        "host": host,
        "trafficPolicy": present(
            loadBalancer={"simple": policy.load_balancer},
            connectionPool=pool.model_dump(by_alias=True, exclude_none=True) if pool else None,
        ),
        "subsets": [{"name": name, "labels": {"version": version}} for name, version in SUBSETS.items()],
    }


def public_spec(
    plan: RolloutPlan, service: Service, host: str, gateway: str, header: CanaryHeader
) -> dict[str, Any]:
    """The VirtualService for requests that enter by the gateway."""
    return {
        "hosts": [host],
        "gateways": [gateway],
        "http": [rule for route in service.routes for rule in _rules(plan, service, route, header)],
    }


def mesh_spec(plan: RolloutPlan, service: Service, header: CanaryHeader) -> dict[str, Any]:
    """The VirtualService for callers inside the mesh, on the service's own host (rule 4).

    The public host is shared by all APIs and so must not be bound to `mesh`.
    """
    return {
        "hosts": [service_host(plan.name, service.namespace)],
        "gateways": ["mesh"],
        "http": [
            rule for route in (*service.mesh_routes, None) for rule in _rules(plan, service, route, header)
        ],
    }


def _rules(
    plan: RolloutPlan, service: Service, route: Route | None, header: CanaryHeader
) -> list[dict[str, Any]]:
    """The header rule, if any, in front of the weighted one.

    Both come from the same route, so they differ in match and destination only (argo-rollouts#3088,
    #3953, #2895). Without a route: everything.
    """
    name = route.name if route else "default"
    if route and route.direct_response:
        answer = route.direct_response
        direct = {"status": answer.status, "body": {"string": answer.body}}
        return [{"name": name, "match": _matches(route), "directResponse": direct}]
    treatment = _treatment(route)
    rules = []
    if plan.header_route:
        match = [
            {**one, "headers": {header.name: {"exact": header.value}}} for one in _matches(route) or [{}]
        ]
        to_canary = [_destination(plan, service, CANARY_SUBSET)]
        rules.append({"name": f"{name}-canary", "match": match, "route": to_canary, **treatment})
    rules.append(present(name=name, match=_matches(route), route=_weighted(plan, service)) | treatment)
    return rules


def _weighted(plan: RolloutPlan, service: Service) -> list[dict[str, Any]]:
    """The split of all other requests; a subset without weight is not named (rule 7)."""
    weights = {STABLE_SUBSET: plan.stable_weight, CANARY_SUBSET: plan.weight}
    return [
        {**_destination(plan, service, subset), "weight": weight}
        for subset, weight in weights.items()
        if weight
    ]


def _destination(plan: RolloutPlan, service: Service, subset: str) -> dict[str, Any]:
    host = service_host(plan.name, service.namespace)
    return {"destination": {"host": host, "subset": subset, "port": {"number": service.ports[0].port}}}


def _matches(route: Route | None) -> list[dict[str, Any]]:
    if route is None:
        return []
    uri = {"uri": {"exact": route.exact} if route.exact else {"prefix": route.prefix}}
    return [{**uri, "method": {"exact": method}} for method in route.methods] or [uri]


def _treatment(route: Route | None) -> dict[str, Any]:
    if route is None:
        return {}
    headers = route.request_headers
    request = present(set=headers.set, add=headers.add, remove=list(headers.remove)) if headers else None
    return present(
        timeout=route.timeout,
        retries={"attempts": route.retries.attempts} if route.retries else None,
        headers={"request": request} if request else None,
    )

"""What the routes say that an update really wrote, read from the resources of the stack's state.

Outputs are those of the last update that succeeded. One that failed may have moved routes before: its
resources stand in the state all the same. A way back that took such a service for one that stays would
wait for pods before it moves a route (rules 8 and 11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rollout.ladder import FULL_WEIGHT
from rollout.versions import CANARY_SUBSET, CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollout.catalog import Service

ROUTES: Final = "kubernetes:networking.istio.io/v1:VirtualService"
SELECTOR: Final = "kubernetes:core/v1:Service"


@dataclass(frozen=True)
class Routes:
    """What requests meet by the routes of one service.

    Attributes:
        weight: Requests without the header that reach the canary, in per cent; the most where the
            public host and the mesh differ. Where a Service selects pods of both, at least 1 and at
            most 99: how many it is, pods decide.
        header: Whether the header reaches the canary.
    """

    weight: int
    header: bool


def applied_routes(
    resources: Mapping[str, Any], services: Mapping[str, Service], weights: Mapping[str, int]
) -> dict[str, Routes]:
    """What the routes in a state say, by service.

    Args:
        resources: Type and outputs by URN.
        services: What the services are.
        weights: What the last update that succeeded left, by service: where pods decide, the nearest
            that a Service without a version can stand for.

    Returns:
        The services that have routes in the state. Workers have none, and an object of another
        shape counts as none.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for urn, resource in resources.items():
        if resource["type"] in (ROUTES, SELECTOR):
            spec = (resource.get("outputs") or {}).get("spec")
            found[resource["type"], urn.rsplit("::", 1)[1]] = spec if isinstance(spec, dict) else {}
    routes = {}
    for name, service in services.items():
        if service.by_weight:
            specs = [found[key] for key in ((ROUTES, name), (ROUTES, f"{name}-mesh")) if key in found]
            rules = [rule for spec in specs for rule in spec.get("http", ())]
            if rules:
                routes[name] = _split(rules)
        elif service.kind == "grpc" and (SELECTOR, name) in found:
            version = str((found[SELECTOR, name].get("selector") or {}).get("version"))
            known: dict[str, int] = {STABLE_VERSION: 0, CANARY_VERSION: FULL_WEIGHT}
            mixed = min(max(weights.get(name, 0), 1), FULL_WEIGHT - 1)
            routes[name] = Routes(known.get(version, mixed), header=False)
    return routes


def _split(rules: Iterable[Mapping[str, Any]]) -> Routes:
    """Rules that match on headers are the canary's own; of the others the highest weight counts."""
    weight, header = 0, False
    for rule in rules:
        to_canary = [
            int(route.get("weight", FULL_WEIGHT))
            for route in rule.get("route", ())
            if route.get("destination", {}).get("subset") == CANARY_SUBSET
        ]
        if any("headers" in match for match in rule.get("match", ())):
            header = header or bool(to_canary)
        else:
            weight = max([weight, *to_canary])
    return Routes(weight, header)

"""What routes and Deployments say that updates really wrote, read from resources of the stack's state.

Outputs are those of the last update that succeeded. One that failed may have moved routes before: its
resources stand in the state all the same. A way back that took such a service for one that stays would
wait for pods before it moves a route (rules 8 and 11).

The same is asked at the end of an update of the resources that it declared: one with targets leaves some as
they were, and outputs must not claim for these what was only wished for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rollout.images import REVISION_ANNOTATION, Image
from rollout.ladder import FULL_WEIGHT
from rollout.versions import CANARY_SUBSET, CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollout.catalog import Service
    from rollout.plan import RolloutPlan

DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
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


@dataclass(frozen=True)
class Deployed:
    """What the two Deployments of a service run by a state.

    Attributes:
        stable: Image and revision of stable; None where it has no Deployment.
        canary: The same of the canary.
    """

    stable: str | None
    canary: str | None


def applied_deployments(resources: Mapping[str, Any], services: Iterable[str]) -> dict[str, Deployed] | None:
    """What runs by the Deployments in a state, by service.

    Args:
        resources: Type and outputs by URN.
        services: The services' names.

    Returns:
        The services that have a Deployment in the state; None for a state without a single one, which tells
        nothing.
    """
    images = {
        _name(urn): image_of(resource.get("outputs") or {})
        for urn, resource in resources.items()
        if resource["type"] == DEPLOYMENT
    }
    if not images:
        return None
    found = {name: Deployed(images.get(name), images.get(f"{name}-canary")) for name in services}
    return {name: one for name, one in found.items() if one != Deployed(None, None)}


def done(planned: RolloutPlan, service: Service, resources: Mapping[str, Any]) -> bool:
    """Whether resources are what a plan asks for, as far as the outputs of a stack tell of them.

    Args:
        planned: The plan.
        service: What the service is.
        resources: Type and outputs of its resources by URN, without those that are not there.
    """
    name, canary = planned.name, planned.canary
    wanted = Deployed(str(planned.stable.image), str(canary.image) if canary else None)
    if (applied_deployments(resources, [name]) or {}).get(name) != wanted:
        return False
    specs = _specs(resources)
    if service.by_weight:
        # Each by itself: public host and mesh may have been left at different weights.
        own = (specs.get((ROUTES, name)), specs.get((ROUTES, f"{name}-mesh")))
        wanted_routes = Routes(planned.weight, planned.header_route)
        return all(spec is not None and _split(spec.get("http", ())) == wanted_routes for spec in own)
    if service.kind == "grpc":
        selector = specs.get((SELECTOR, name), {}).get("selector")
        return selector is not None and selector.get("version") == planned.service_version
    return True


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
    found = _specs(resources)
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


def leads_more(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> bool:
    """Whether a VirtualService or a Service leads more to the canary than before.

    Args:
        new: The object as it is to be.
        old: As it was; None where it was not there.
    """
    return _reach(new) > _reach(old or {}) or _header(new) > _header(old or {})


def written(resources: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects that bring traffic to services as a state has them, by kind (`VirtualService`) and name.

    Args:
        resources: Type and outputs by URN.
    """
    specs = _specs(resources).items()
    return {(kind.rsplit(":", 1)[1], name): {"spec": spec} for (kind, name), spec in specs}


def _reach(live: Mapping[str, Any]) -> float:
    spec = live.get("spec") or {}
    if "selector" in spec:
        # Without a version it selects the pods of both.
        known: dict[str, float] = {STABLE_VERSION: 0, CANARY_VERSION: 1}
        return known.get(str((spec["selector"] or {}).get("version")), 0.5)
    return _split(spec.get("http") or ()).weight / FULL_WEIGHT


def _header(live: Mapping[str, Any]) -> bool:
    return _split((live.get("spec") or {}).get("http") or ()).header


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


def _specs(resources: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The specs of what brings traffic to services, by type and name."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for urn, resource in resources.items():
        if resource["type"] in (ROUTES, SELECTOR):
            spec = (resource.get("outputs") or {}).get("spec")
            found[resource["type"], _name(urn)] = spec if isinstance(spec, dict) else {}
    return found


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[1]


def image_of(deployment: Mapping[str, Any]) -> str | None:
    """What the pods of a Deployment run, as outputs of a stack write it; None in another shape.

    Args:
        deployment: Its inputs or outputs.
    """
    try:
        template = deployment["spec"]["template"]
        revision = (template["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION)
        return str(Image(template["spec"]["containers"][0]["image"], revision))
    except (KeyError, TypeError, IndexError, AttributeError):
        return None

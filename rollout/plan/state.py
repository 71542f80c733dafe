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

from rollout.spec.image import REVISION_ANNOTATION, Image
from rollout.traffic.kept import KEPT_ANNOTATION, read_kept
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.names import canary_name, routing_objects
from rollout.traffic.selector import canary_first, met, selected, weight_of
from rollout.traffic.split import Split, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.service import ServiceSpec
    from rollout.traffic.kept import Kept

DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
ROUTES: Final = "kubernetes:networking.istio.io/v1:VirtualService"
SUBSETS: Final = "kubernetes:networking.istio.io/v1:DestinationRule"
SELECTOR: Final = "kubernetes:core/v1:Service"
AUTOSCALERS: Final = {
    "HorizontalPodAutoscaler": "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
    "ScaledObject": "kubernetes:keda.sh/v1alpha1:ScaledObject",
}


@dataclass(frozen=True)
class Deployed:
    """What the two Deployments of a service run by a state.

    Attributes:
        stable: Image and revision of stable; None where it has no Deployment.
        canary: The same of the canary.
    """

    stable: Image | None
    canary: Image | None


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
    found = {name: Deployed(images.get(name), images.get(canary_name(name))) for name in services}
    return {name: one for name, one in found.items() if one != Deployed(None, None)}


def done(planned: RolloutPlan, service: ServiceSpec, resources: Mapping[str, Any]) -> bool:
    """Whether resources are what a plan asks for, as far as the outputs of a stack tell of them.

    Args:
        planned: The plan.
        service: What the service is.
        resources: Type and outputs of its resources by URN, without those that are not there.
    """
    name, canary = planned.name, planned.canary
    wanted = Deployed(planned.stable.image, canary.image if canary else None)
    if (applied_deployments(resources, [name]) or {}).get(name) != wanted:
        return False
    found = written(resources)
    own = [found.get(key) for key in routing_objects(name, service.kind)]
    if service.by_selector:
        rule = found.get(("DestinationRule", name))
        first = service.falls_back and planned.weight == FULL_WEIGHT
        selects = all(one is not None and selected(one) == planned.service_version for one in own)
        return selects and rule is not None and canary_first(rule) is first
    # Each by itself: public host and mesh may have been left at different weights.
    return all(one is not None and read(one).split == planned.split for one in own)


def applied_routes(
    resources: Mapping[str, Any], services: Mapping[str, ServiceSpec], weights: Mapping[str, int]
) -> dict[str, Split]:
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
    found = written(resources)
    routes = {}
    for name, service in services.items():
        own = [found[key] for key in routing_objects(name, service.kind) if key in found]
        if service.by_selector and own:
            version = met(own[0], found.get(("DestinationRule", name)))
            routes[name] = Split(weight_of(version, weights.get(name, 0)), header=False)
        elif (seen := read(*own)).weights:
            routes[name] = seen.at_most
    return routes


def applied_kept(resources: Mapping[str, Any]) -> dict[str, Kept]:
    """The rollouts whose users keep their version, as the public routes in a state name them (rule 21).

    Routes with less weight than users were routed by have been taken back: their cookies mean nothing any more.

    Args:
        resources: Type and outputs by URN.

    Returns:
        By the routes' name, which is the service's.
    """
    found = {}
    for urn, resource in resources.items():
        outputs = resource.get("outputs") or {}
        marks = (outputs.get("metadata") or {}).get("annotations") or {}
        if resource["type"] != ROUTES or (kept := read_kept(str(marks.get(KEPT_ANNOTATION, "")))) is None:
            continue
        weight = read({"spec": outputs.get("spec") or {}}).at_most.weight
        found[_name(urn)] = kept if weight >= max(kept.weights, default=0) else kept.ended
    return found


def lacks_subset(resources: Mapping[str, Any], name: str, subset: str) -> bool:
    """Whether the DestinationRule of a service is in a state without some subset: an older program wrote it.

    Args:
        resources: Type and outputs by URN.
        name: The service.
        subset: The subset's name.
    """
    spec = spec_of(resources, SUBSETS, name)
    return spec is not None and all(one.get("name") != subset for one in spec.get("subsets") or ())


def spec_of(resources: Mapping[str, Any], token: str, name: str) -> dict[str, Any] | None:
    """The spec of an object as a state has it; None where it is not there.

    Args:
        resources: Type and outputs by URN.
        token: Its type in the state.
        name: Its name there.
    """
    for urn, resource in resources.items():
        if resource["type"] == token and _name(urn) == name:
            spec = (resource.get("outputs") or {}).get("spec")
            return spec if isinstance(spec, dict) else {}
    return None


def leads_more(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> bool:
    """Whether a VirtualService, a Service or its DestinationRule leads more to the canary than before.

    Args:
        new: The object as it is to be.
        old: As it was; None where it was not there.
    """
    before, after = _at_most(old or {}), _at_most(new)
    return after.weight > before.weight or after.header > before.header


def written(resources: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects that bring traffic to services as a state has them, by kind (`VirtualService`) and name.

    Args:
        resources: Type and outputs by URN.
    """
    found = {}
    for urn, resource in resources.items():
        if resource["type"] in (ROUTES, SELECTOR, SUBSETS):
            spec = (resource.get("outputs") or {}).get("spec")
            key = resource["type"].rsplit(":", 1)[1], _name(urn)
            found[key] = {"spec": spec if isinstance(spec, dict) else {}}
    return found


def first_ports(resources: Mapping[str, Any]) -> dict[str, int]:
    """The first port of each Service in a state, which routes and other callers use, by the Service's name.

    Args:
        resources: Type and outputs by URN.
    """
    found = {}
    for (kind, name), one in written(resources).items():
        ports = one["spec"].get("ports") if kind == "Service" else None
        first = ports[0] if isinstance(ports, list) and ports else None
        if isinstance(first, dict) and isinstance(first.get("port"), (int, float)):
            found[name] = int(first["port"])
    return found


def _at_most(live: Mapping[str, Any]) -> Split:
    spec = live.get("spec") or {}
    if "selector" in spec:
        return Split(weight_of(selected(live), FULL_WEIGHT // 2), header=False)
    if "subsets" in spec:
        return Split(FULL_WEIGHT if canary_first(live) else 0, header=False)
    return read(live).at_most


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[1]


def image_of(deployment: Mapping[str, Any]) -> Image | None:
    """What the pods of a Deployment run; None in another shape.

    Args:
        deployment: Its inputs or outputs.
    """
    try:
        template = deployment["spec"]["template"]
        revision = (template["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION)
        return Image.parse(template["spec"]["containers"][0]["image"], revision)
    except (KeyError, TypeError, IndexError, AttributeError):
        return None

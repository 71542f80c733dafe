"""The objects of one service as the cluster has them, in the shape in which people think of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eco2.field_managers import hands
from eco2.status.pods import PodStatus, read_pod
from rollout.spec.image import REVISION_ANNOTATION, Image
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.names import canary_name, routing_objects
from rollout.traffic.selector import met, selected
from rollout.traffic.split import read
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollout.spec.service import ServiceSpec

Document = dict[str, Any]
REVISION_NUMBER = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class ReplicaSet:
    """One generation of a Deployment's pods.

    Attributes:
        name: Its name.
        revision: The Deployment's count of generations.
        ready: Pods that are ready, of those `wanted`.
        wanted: Pods that should be.
        created: When, as Kubernetes writes it.
        pods: Its pods, oldest first.
    """

    name: str
    revision: str
    ready: int
    wanted: int
    created: str
    pods: tuple[PodStatus, ...]


@dataclass(frozen=True)
class Deployment:
    """One Deployment of a service.

    Attributes:
        name: Its name.
        image: What its pods run, with the revision.
        arguments: The container's arguments; a worker's queues are in them.
        ready: Pods that are ready, of those `wanted`.
        wanted: Pods that should be.
        created: When, as Kubernetes writes it.
        replica_sets: Those with pods, newest first; empty where they were not asked for.
    """

    name: str
    image: Image
    arguments: tuple[str, ...]
    ready: int
    wanted: int
    created: str
    replica_sets: tuple[ReplicaSet, ...] = ()

    @property
    def pods(self) -> tuple[PodStatus, ...]:
        """Those of all its ReplicaSets."""
        return tuple(pod for one in self.replica_sets for pod in one.pods)


@dataclass(frozen=True)
class Routing:
    """Where the cluster sends requests.

    Attributes:
        weights: Every weight on the canary that a rule has, in per cent, sorted; empty where no rule exists.
        header: Whether the header reaches the canary alone, in every VirtualService.
        version: The version that requests to a service without routes meet; None: both, as many as pods are.
        missing: Names of objects that should be there.
        falls_back: Whether stable takes the canary's share where the canary cannot.
        keeps: Whether users keep their version, so that the weight is a share of users and not of requests.
        hands: Who changed an object by hand: `VirtualService auth-api by kubectl-edit`.
    """

    weights: tuple[int, ...] = ()
    header: bool = False
    version: str | None = None
    missing: tuple[str, ...] = ()
    hands: tuple[str, ...] = ()
    falls_back: bool = False
    keeps: bool = False


@dataclass(frozen=True)
class Live:
    """One service in the cluster.

    Attributes:
        stable: Its Deployment; None if it is missing.
        canary: The same; None without a canary.
        companions: Deployments beside it that have no canary.
        routing: Where requests go.
        share: What the canary really gets, in per cent; None if rules disagree or nothing is there.
    """

    stable: Deployment | None
    canary: Deployment | None
    companions: tuple[Deployment, ...]
    routing: Routing
    share: float | None


@dataclass(frozen=True)
class Objects:
    """Lists of objects as the API server returns them."""

    deployments: Sequence[Document] = ()
    replica_sets: Sequence[Document] = ()
    pods: Sequence[Document] = ()
    virtual_services: Sequence[Document] = ()
    services: Sequence[Document] = ()
    destination_rules: Sequence[Document] = ()


def read_live(name: str, service: ServiceSpec, objects: Objects) -> Live:
    """Finds a service in the lists.

    Args:
        name: The service.
        service: What it is.
        objects: The lists; those of several services may be mixed.
    """
    deployments = {
        one["metadata"]["name"]: read_deployment(one, objects)
        for one in objects.deployments
        if one["metadata"]["namespace"] == service.namespace
    }
    stable, canary = deployments.get(name), deployments.get(canary_name(name))
    companions = tuple(deployments[other] for other in service.companions if other in deployments)
    routing = _routing(name, service, objects)
    return Live(stable, canary, companions, routing, _share(service, stable, canary, routing))


def read_deployment(document: Document, objects: Objects) -> Deployment:
    """Reads a Deployment as the API server returns it, with its ReplicaSets and pods out of the lists."""
    name, spec = document["metadata"]["name"], document["spec"]
    container = spec["template"]["spec"]["containers"][0]
    annotations = spec["template"]["metadata"].get("annotations") or {}
    sets = [_replica_set(one, objects) for one in objects.replica_sets if _owned_by(one, document)]
    return Deployment(
        name=name,
        image=Image.parse(container["image"], annotations.get(REVISION_ANNOTATION)),
        arguments=(*container.get("command", ()), *container.get("args", ())),
        ready=document.get("status", {}).get("readyReplicas", 0),
        wanted=spec.get("replicas", 0),
        created=document["metadata"].get("creationTimestamp", ""),
        replica_sets=tuple(
            sorted((one for one in sets if one.wanted or one.pods), key=lambda one: one.created, reverse=True)
        ),
    )


def _replica_set(document: Document, objects: Objects) -> ReplicaSet:
    meta = document["metadata"]
    pods = [read_pod(pod) for pod in objects.pods if _owned_by(pod, document)]
    return ReplicaSet(
        name=meta["name"],
        revision=(meta.get("annotations") or {}).get(REVISION_NUMBER, "?"),
        ready=document.get("status", {}).get("readyReplicas", 0),
        wanted=document["spec"].get("replicas", 0),
        created=meta.get("creationTimestamp", ""),
        pods=tuple(sorted(pods, key=lambda pod: (pod.created, pod.name))),
    )


def _owned_by(document: Document, owner: Document) -> bool:
    uid = owner["metadata"]["uid"]
    return any(one["uid"] == uid for one in document["metadata"].get("ownerReferences", ()))


def _routing(name: str, service: ServiceSpec, objects: Objects) -> Routing:
    def find(documents: Iterable[Document], wanted: str) -> Document | None:
        place = (service.namespace, wanted)
        found = (one for one in documents if (one["metadata"]["namespace"], one["metadata"]["name"]) == place)
        return next(found, None)

    lists = {"Service": objects.services, "VirtualService": objects.virtual_services}
    wanted = routing_objects(name, service.kind)
    there = {(kind, one): found for kind, one in wanted if (found := find(lists[kind], one))}
    seen = read(*there.values()) if service.by_weight else None
    rule = find(objects.destination_rules, name) if service.by_selector else None
    if rule:
        there["DestinationRule", name] = rule
    own = there.get(("Service", name))
    version = met(own, rule) if own else None
    return Routing(
        weights=tuple(sorted(seen.weights)) if seen else (),
        header=seen.header if seen else False,
        falls_back=seen.falls_back if seen else own is not None and version != selected(own),
        keeps=seen.keeps if seen else False,
        version=version,
        missing=tuple(f"{kind} {one}" for kind, one in wanted if (kind, one) not in there),
        hands=tuple(hand for (kind, _), one in there.items() for hand in _hands(kind, one)),
    )


def _hands(kind: str, document: Document) -> tuple[str, ...]:
    return tuple(f"{kind} {document['metadata']['name']} by {manager}" for manager in hands(document, kind))


def _share(
    service: ServiceSpec, stable: Deployment | None, canary: Deployment | None, routing: Routing
) -> float | None:
    if service.by_weight:
        return float(routing.weights[0]) if len(routing.weights) == 1 else None
    ready = canary.ready if canary else 0
    if routing.version == CANARY_VERSION:
        return float(FULL_WEIGHT)
    # A worker that reads queues of its own gets nothing of the others' work.
    apart = service.reads_queues and canary and stable and canary.arguments != stable.arguments
    if routing.version == STABLE_VERSION or apart or not ready:
        return 0.0
    return round(FULL_WEIGHT * ready / (ready + (stable.ready if stable else 0)), 2)

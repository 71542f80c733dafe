"""Do the pods that are to get more traffic run, and are they ready?

An update waits for pods only where something of their Deployment changes. A step that changes nothing of it
would raise routes onto pods that have died since, or onto a Deployment that somebody deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.plan.order import Direction
from rollout.plan.state import image_of
from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.plan.prior import Prior
    from rollout.plan.service_plan import Release, RolloutPlan
    from rollout.report.report import Report, ServiceChange
    from rollout.spec.image import Image
    from rollout.spec.service import ServiceSpec
    from rollout.spec.services import Wanted


@dataclass(frozen=True)
class Target:
    """A Deployment that gets more traffic.

    Attributes:
        service: Whose it is.
        namespace: Where it is.
        name: Its name.
        image: What its pods are to run, with the revision.
        pods: How many are to be ready.
        autoscaled: Whether an autoscaler owns its number of pods, and so may have asked for fewer.
    """

    service: str
    namespace: str
    name: str
    image: Image
    pods: int
    autoscaled: bool


def climbing(plan: Report, services: Mapping[str, Wanted]) -> dict[str, Target]:
    """The canaries that run, are to run unchanged and get more traffic by a plan, by service.

    One that the update starts, or whose image it changes, is awaited by the update itself. So it is with pods
    that it adds: a canary must have as many as by the last plan.

    Args:
        plan: The plan.
        services: The services as their stack's file wants them.
    """
    return {
        change.service: _canary(services[change.service], (change.before and change.before.canary_pods) or 1)
        for change in plan.changes
        if _climbs_as_it_is(change)
    }


def climbs(planned: RolloutPlan, prior: Prior | None, wanted: Wanted) -> Target | None:
    """The same of a single service, without a report; None where its canary need not be ready before.

    Args:
        planned: Its plan.
        prior: What the last update left; None before the first.
        wanted: The service as it is to be.
    """
    if planned.order.direction is not Direction.UP or prior is None or not prior.tried(wanted.canary):
        return None
    pods = prior.pods.canary
    return _canary(wanted, pods) if pods else None


def led_to(planned: RolloutPlan, service: ServiceSpec) -> Target | None:
    """What must be ready when the routes of a service move; None where they lead to nothing new.

    Args:
        planned: The service's plan.
        service: What it is.
    """
    name = planned.name
    release: Release | None = None
    match planned.order.direction:
        case Direction.PROMOTE:
            release = planned.stable
        case Direction.UP | Direction.CREATE | Direction.STAY if planned.header_route or planned.weight:
            # A run again after an update that moved one of two routes goes nowhere, and yet moves the other.
            release = planned.canary
    if release is None or service.reads_queues:
        return None
    deployment = canary_name(name) if release.is_canary else name
    autoscaled = release.scaling is not None
    return Target(name, service.namespace, deployment, release.image, release.replicas, autoscaled)


def lack(target: Target, live: Mapping[str, Any] | None, *, every: bool = False) -> str:
    """Why a Deployment is not fit for more traffic; empty where it is.

    Args:
        target: The Deployment as it is to be.
        live: What the API server has of it; None: nothing.
        every: Whether all pods that it asks for must be ready, and not only those of the target.
    """
    if live is None:
        return f"Deployment {target.name} is not there"
    if (image := image_of(live)) != target.image:
        return f"Deployment {target.name} runs {image}, and not {target.image}"
    meta, status = live["metadata"], live.get("status") or {}
    wanted = live["spec"].get("replicas", 1)
    if not wanted:
        return f"Deployment {target.name} is scaled to 0"
    if meta.get("deletionTimestamp"):
        return f"Deployment {target.name} is being deleted"
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        return f"what became of the newest change of Deployment {target.name} is not known yet"
    ready = ready_pods(status)
    needed = min(target.pods, wanted) if target.autoscaled else target.pods
    if every:
        needed = max(needed, wanted)
    return "" if ready >= needed else f"{ready} of {needed} pods are ready"


def ready_pods(status: Mapping[str, Any]) -> int:
    """How many pods of a Deployment's newest generation are surely ready.

    Its own numbers tell, as in `kubectl rollout status`: pods of an older generation may be ready for as long as
    those of the newest are not, so each of these counts as one of the ready ones.

    Args:
        status: The Deployment's status.
    """
    total, updated, ready = (
        int(status.get(key, 0)) for key in ("replicas", "updatedReplicas", "readyReplicas")
    )
    return min(max(ready - max(total - updated, 0), 0), updated)


def _canary(wanted: Wanted, pods: int) -> Target:
    autoscaled = wanted.service.autoscaler is not None
    return Target(
        wanted.name,
        wanted.service.namespace,
        canary_name(wanted.name),
        wanted.canary,
        1 if autoscaled else pods,
        autoscaled,
    )


def _climbs_as_it_is(change: ServiceChange) -> bool:
    """Whether a canary that runs already gets more; at phase 1 a worker's may have no pods by plan."""
    before, after = change.before, change.after
    if change.direction is not Direction.UP or before is None or before.canary is None:
        return False
    return before.canary == after.canary and before.canary_pods != 0

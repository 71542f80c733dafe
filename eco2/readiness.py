"""Before a step up: do the pods that are to get more traffic run, and are they ready?

An update waits for pods only where something of their Deployment changes. A step that changes nothing of it
would raise routes onto pods that have died since, or onto a Deployment that somebody deleted.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eco2.status.live import Objects, read_live
from eco2.together import Later
from rollout.order import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eco2.status.live import Deployment, ReplicaSet
    from kube.cluster import Cluster
    from rollout.catalog import Service
    from rollout.report import Change, Report
    from rollout.services import Wanted

LISTS = {
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
    "replica_sets": "/apis/apps/v1/namespaces/{}/replicasets",
    "pods": "/api/v1/namespaces/{}/pods",
}


def climbing(plan: Report) -> dict[str, int]:
    """The services whose canary runs and gets more traffic by a plan, with the pods that it had by the last one.

    One that the update starts, or whose image it changes, is awaited by the update itself.
    """
    return {
        change.service: (change.before.canary_pods if change.before else None) or 1
        for change in plan.changes
        if _climbs_as_it_is(change)
    }


def unready(cluster: Cluster, services: Mapping[str, Wanted], planned: Mapping[str, int]) -> dict[str, str]:
    """Why canaries are not fit for more traffic, by service; those that are, are left out.

    Args:
        cluster: The cluster.
        services: The services as their stack's file wants them.
        planned: How many pods their canaries have by plan; where an autoscaler owns the number, any above 0 will do.

    Raises:
        ClusterError: If the cluster refuses or does not answer: what is not known is not ready.
    """
    looks = {name: _look(cluster, name, wanted.service) for name, wanted in services.items()}
    found = {
        name: read_live(
            name, services[name].service, Objects(**{kind: one.result() for kind, one in look.items()})
        )
        for name, look in looks.items()
    }
    least = {name: 1 if services[name].service.autoscaler else planned[name] for name in services}
    return {
        name: why
        for name, live in found.items()
        if (why := _lack(name, live.canary, str(services[name].canary), least[name]))
    }


def _look(cluster: Cluster, name: str, service: Service) -> dict[str, Later[list[dict[str, object]]]]:
    query = {"labelSelector": f"app={name}"}
    return {
        kind: Later(partial(cluster.list, path.format(service.namespace), query))
        for kind, path in LISTS.items()
    }


def _climbs_as_it_is(change: Change) -> bool:
    """Whether a canary that runs already gets more; at phase 1 a worker's may have no pods by plan."""
    before, after = change.before, change.after
    if change.direction is not Direction.UP or before is None or before.canary is None:
        return False
    return before.canary == after.canary and before.canary_pods != 0


def _lack(name: str, canary: Deployment | None, image: str, least: int) -> str:
    if canary is None:
        return f"Deployment {name}-canary is not there"
    if canary.image != image:
        return f"Deployment {name}-canary runs {canary.image}, and {image} was tried"
    if not canary.wanted:
        return f"Deployment {name}-canary is scaled to 0"
    # Pods of an older generation may be ready for as long as those of the newest are not.
    ready = min(canary.ready, max(canary.replica_sets, key=_revision).ready if canary.replica_sets else 0)
    wanted = max(canary.wanted, least)
    if ready >= wanted:
        return ""
    return f"{ready} of {wanted} pods are ready{_reasons(canary)}"


def _revision(one: ReplicaSet) -> int:
    return int(one.revision) if one.revision.isdigit() else 0


def _reasons(canary: Deployment) -> str:
    """The pods' own reasons."""
    told: Iterable[str] = (
        f"{pod.name} {pod.word}" + (f": {pod.message}" if pod.message else "")
        for one in canary.replica_sets
        for pod in one.pods
        if pod.mark not in ("good", "ending")
    )
    words = "; ".join(dict.fromkeys(told))
    return f" ({words})" if words else ""

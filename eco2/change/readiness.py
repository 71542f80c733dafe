"""Before a step up is written down: are the canaries fit for more traffic, and if not, what do their pods say?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eco2.background import Later
from eco2.status.live import Objects, read_deployment
from eco2.status.pods import reasons
from kube.kinds import path
from rollout.guards.readiness import lack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.cluster import ClusterClient
    from rollout.guards.readiness import Target
    from rollout.spec.service import ServiceSpec
    from rollout.spec.services import Wanted

LISTS = {"deployments": "Deployment", "replica_sets": "ReplicaSet", "pods": "Pod"}


def unready(
    cluster: ClusterClient, services: Mapping[str, Wanted], targets: Mapping[str, Target]
) -> dict[str, str]:
    """Why canaries are not fit for more traffic, by service; those that are, are left out.

    Args:
        cluster: The cluster.
        services: The services as their stack's file wants them.
        targets: The canaries as they are to be.

    Raises:
        ClusterError: If the cluster refuses or does not answer: what is not known is not ready.
    """
    looks = {name: _look(cluster, name, services[name].service) for name in targets}
    found = {}
    for name, look in looks.items():
        objects = Objects(**{kind: one.result() for kind, one in look.items()})
        live = next(
            (one for one in objects.deployments if one["metadata"]["name"] == targets[name].name), None
        )
        if why := lack(targets[name], live, every=True):
            words = "; ".join(reasons(read_deployment(live, objects).pods)) if live else ""
            found[name] = f"{why} ({words})" if words else why
    return found


def _look(
    cluster: ClusterClient, name: str, service: ServiceSpec
) -> dict[str, Later[list[dict[str, object]]]]:
    query = {"labelSelector": f"app={name}"}
    return {
        name: Later(partial(cluster.list, path(kind, service.namespace), query))
        for name, kind in LISTS.items()
    }

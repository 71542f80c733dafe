"""Which canaries the cluster still has, and what holds those that are to go."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from eco2.background import Later
from kube.errors import ClusterError, NotServedError
from kube.kinds import path, plural
from rollout.traffic.kinds import reads_queues
from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eco2.abort.files import Place
    from kube.cluster import ClusterClient

GOES_WITH_A_CANARY: Final = (
    "Deployment",
    "ScaledObject",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Service",
)
"""What is deleted when a canary ends."""


def canaries_in(cluster: ClusterClient, services: Mapping[str, Place], names: Iterable[str]) -> set[str]:
    """The services whose canary has a Deployment in the cluster that nobody has deleted.

    Args:
        cluster: Where to look.
        services: Where the services live, by name.
        names: Those of them to look for.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    looks = {
        name: Later(partial(cluster.get, path("Deployment", services[name].namespace, canary_name(name))))
        for name in names
    }
    found = {name: later.result() for name, later in looks.items()}
    return {name for name, live in found.items() if live and not live["metadata"].get("deletionTimestamp")}


def workers_not_in(cluster: ClusterClient, services: Mapping[str, Place], names: Iterable[str]) -> set[str]:
    """The workers that this cluster may not know.

    A worker has no routes that tell whether this is the right cluster, so a Deployment of its must be there:
    else its canary would be told gone, and work on in another cluster.

    Args:
        cluster: Where to look.
        services: Where the services live, by name.
        names: Those of them to look for.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    workers = [name for name in names if reads_queues(services[name].kind)]
    unknown = {
        name for name in workers if cluster.get(path("Deployment", services[name].namespace, name)) is None
    }
    return unknown - canaries_in(cluster, services, unknown)


def held_by_finalizers(cluster: ClusterClient, namespace: str, name: str) -> list[str]:
    """The objects of a service's canary that are to go and do not, with the command that lets them go."""
    canary, told = canary_name(name), list[str]()
    for kind in GOES_WITH_A_CANARY:
        try:
            live = cluster.get(path(kind, namespace, canary)) or {}
        except NotServedError:  # KEDA is not everywhere
            continue
        except ClusterError as error:
            return [f"the cluster: {error}"]
        meta = live.get("metadata", {})
        if meta.get("deletionTimestamp") and (holders := ", ".join(meta.get("finalizers") or ())):
            told.append(
                f"{plural(kind)}/{canary} to go, which its finalizers hold: {holders}; for 10 min at the most. No "
                f"route leads to the canary. To let it go: kubectl --namespace {namespace} patch {plural(kind)} "
                f"""{canary} --type merge -p '{{"metadata":{{"finalizers":null}}}}'"""
            )
    return told

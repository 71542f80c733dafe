"""After an update that failed: the pods that are not ready, with the cluster's own reasons, and what is gone.

The plugin's own words are "timed out waiting to be Ready", without a pod or a reason, and "not found",
without a way on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from eco2.background import Later
from eco2.stack.cli import PulumiError, exported
from eco2.stack.config import stack_config
from eco2.stack.missing import gone, known, words
from eco2.status.live import Objects, read_deployment
from eco2.status.pods import reasons
from kube.cluster import PART_OF, ClusterClient
from kube.errors import ClusterError
from kube.kinds import path
from rollout.guards.readiness import ready_pods
from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LISTS = {"deployments": "Deployment", "replica_sets": "ReplicaSet", "pods": "Pod"}


def troubles(project: Path, stack: str) -> tuple[str, ...]:
    """A line for each Deployment of the stack whose pods are not all ready, and one for all that is gone.

    Where one of that is not known, a line says so.

    It raises nothing: whatever happens here must not hide why the update failed.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
    """
    try:
        selector = {"labelSelector": f"{PART_OF}={read_catalog(project / 'services.yaml').part_of}"}
        cluster = ClusterClient(stack_config(project, stack).get("kubernetes:context", ""))
        lists = {name: Later(partial(cluster.list, path(kind), selector)) for name, kind in LISTS.items()}
        objects = Objects(**{name: one.result() for name, one in lists.items()})
    except ConfigError:
        return ()  # the program refuses the same files, and says why
    except (ClusterError, OSError) as error:
        return (f"whether pods are ready is not known: {error}",)
    return (*_told(objects), *_gone(project, stack, cluster))


def _gone(project: Path, stack: str, cluster: ClusterClient) -> Iterator[str]:
    try:
        lost = gone(cluster, known(exported(project, stack)))
    except (ClusterError, OSError, PulumiError, ValueError) as error:
        yield f"whether all that the state knows is in the cluster is not known: {error}"
    else:
        if lost:
            yield words(lost, stack)


def _told(objects: Objects) -> Iterator[str]:
    for one in sorted(objects.deployments, key=lambda one: str(one["metadata"]["name"])):
        status, wanted = one.get("status") or {}, one["spec"].get("replicas", 1)
        if (ready := ready_pods(status)) >= wanted:
            continue
        said = [*_refusals(status), *reasons(read_deployment(one, objects).pods)]
        why = f": {'; '.join(said)}" if said else ""
        yield f"{one['metadata']['name']}: {ready} of {wanted} pods are ready{why}"


def _refusals(status: dict[str, Any]) -> Iterator[str]:
    """Why pods are not even made: a quota, an admission webhook."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield one_line(str(condition.get("message") or condition.get("reason")))

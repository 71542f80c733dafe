"""After an update that failed: the pods that are not ready, with the cluster's own reasons.

The plugin's own words are "timed out waiting to be Ready", without a pod or a reason.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from eco2.stack_config import stack_config
from eco2.status.pods import read_pod
from eco2.together import Later
from kube.cluster import PART_OF, Cluster, ClusterError
from rollout.files import read_catalog
from rollout.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Document = dict[str, Any]
LISTS = ("/apis/apps/v1/deployments", "/apis/apps/v1/replicasets", "/api/v1/pods")


def troubles(project: Path, stack: str) -> tuple[str, ...]:
    """A line for each Deployment of the stack whose pods are not all ready, and one where that is not known.

    It raises nothing: whatever happens here must not hide why the update failed.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
    """
    try:
        selector = {"labelSelector": f"{PART_OF}={read_catalog(project / 'services.yaml').part_of}"}
        cluster = Cluster(stack_config(project, stack).get("kubernetes:context", ""))
        lists = [Later(partial(cluster.list, path, selector)) for path in LISTS]
        deployments, replica_sets, pods = (one.result() for one in lists)
    except ConfigError:
        return ()  # the program refuses the same files, and says why
    except (ClusterError, OSError) as error:
        return (f"whether pods are ready is not known: {error}",)
    return tuple(_told(deployments, replica_sets, pods))


def _told(
    deployments: Iterable[Document], replica_sets: Iterable[Document], pods: Iterable[Document]
) -> Iterator[str]:
    sets, all_pods = list(replica_sets), list(pods)
    for one in sorted(deployments, key=lambda one: str(one["metadata"]["name"])):
        status, wanted = one.get("status") or {}, one["spec"].get("replicas", 1)
        updated = status.get("updatedReplicas", 0)
        # Pods of an older generation may be ready for as long as those of the newest are not.
        ready = min(status.get("readyReplicas", 0), updated)
        older = max(status.get("replicas", 0) - updated, 0)
        if ready >= wanted and not older:
            continue
        owned = [pod for owner in sets if _owned_by(owner, one) for pod in all_pods if _owned_by(pod, owner)]
        reasons = [*_refusals(status), *_reasons(owned)]
        why = f": {'; '.join(reasons)}" if reasons else ""
        yield f"{one['metadata']['name']}: {max(ready - older, 0)} of {wanted} pods are ready{why}"


def _refusals(status: Document) -> Iterator[str]:
    """Why pods are not even made: a quota, an admission webhook."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield str(condition.get("message") or condition.get("reason"))


def _reasons(pods: Iterable[Document]) -> Iterator[str]:
    """What pods that are not ready say, the same words of several once."""
    said: dict[str, list[str]] = {}
    for pod in map(read_pod, pods):
        if pod.mark in ("waiting", "bad"):
            words = pod.word + (f": {pod.message}" if pod.message else "")
            said.setdefault(words, []).append(pod.name)
    for words, names in said.items():
        yield f"{names[0] if len(names) == 1 else f'{len(names)} pods'} {words}"


def _owned_by(document: Document, owner: Document) -> bool:
    uid = owner["metadata"]["uid"]
    return any(one["uid"] == uid for one in document["metadata"].get("ownerReferences") or ())

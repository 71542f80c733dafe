"""Plays metrics-server: what pods use, as `metrics.k8s.io/v1beta1`, which autoscalers read.

The objects lie in the API server itself, under a definition of the group's own name: to whoever
reads them they look like those of metrics-server, which would need kubelets to ask and a Service
to be reached by. Only what changes is written, so usage costs the API server next to nothing.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.pods.cluster import Pods
    from lab.pods.life import Life

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
LOOK_SECONDS = 1.0
WINDOW_SECONDS = 1
"""The time that a figure stands for. An autoscaler ignores figures of a pod whose window began before
it was ready (replica_calculator.go, groupPods), so the first is written that much later."""

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": f"pods.{GROUP}",
        # Kubernetes keeps groups under k8s.io to itself, unless told that somebody knows.
        "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in for metrics-server"},
    },
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "pods", "singular": "pod", "kind": "PodMetrics", "listKind": "PodMetricsList"},
        "versions": [
            {"name": VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": _ANYTHING}}
        ],
    },
}


def metrics(pod: dict[str, Any], usage: dict[str, str]) -> dict[str, Any]:
    """What a pod uses, all of it by its first container; it goes with its pod, which owns it.

    Args:
        pod: The pod's object.
        usage: Quantities by resource: `{"cpu": "300m", "memory": "64Mi"}`.
    """
    meta = pod["metadata"]
    first, *others = (container["name"] for container in pod["spec"]["containers"])
    idle = {"cpu": "0", "memory": "0"}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "PodMetrics",
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": meta.get("labels", {}),
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
            ],
        },
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window": f"{WINDOW_SECONDS}s",
        "containers": [
            {"name": first, "usage": usage},
            *({"name": name, "usage": idle} for name in others),
        ],
    }


class Usage:
    """Keeps the figures of all pods that are ready."""

    def __init__(self, pods: Pods, lives: Callable[[], Iterable[Life]]) -> None:
        """Prepares; `follow` begins.

        Args:
            pods: The API server.
            lives: The pods as they are at the moment.
        """
        self._pods, self._lives = pods, lives
        self._written: dict[Life, tuple[float, dict[str, str]]] = {}

    async def follow(self) -> None:
        """Writes what has changed, for ever."""
        while True:
            living = list(self._lives())
            for life in self._written.keys() - set(living):
                del self._written[life]
            for life in living:
                await self._look(life)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, life: Life) -> None:
        since = life.ready_since
        if since is None or asyncio.get_running_loop().time() < since + WINDOW_SECONDS:
            return
        now = (since, life.usage)
        if self._written.get(life) != now:
            self._written[life] = now
            await self._pods.apply(f"/apis/{GROUP}/{VERSION}", metrics(life.pod, life.usage))

"""A canary's pods over some time, and stable's beside them: what they were at first, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kube.errors import ClusterError
from kube.kinds import path
from rollout.judge.observations import Unknown
from rollout.judge.signs import PodLook
from rollout.traffic.names import canary_name
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kube.cluster import ClusterClient
    from rollout.spec.service import ServiceSpec


@dataclass(frozen=True)
class VersionPods:
    """One version's pods at one moment.

    Attributes:
        ready: Those that are ready.
        wanted: Those that its Deployment asks for at that moment; None if that is gone.
        restarts: Restarts of all their containers by pod.
    """

    ready: int
    wanted: int | None
    restarts: dict[str, int]

    @classmethod
    def read(cls, listed: Sequence[Mapping[str, Any]], deployment: Mapping[str, Any] | None) -> VersionPods:
        """From the objects of a list and their Deployment; pods that are going away do not count."""
        staying = [pod for pod in listed if not pod["metadata"].get("deletionTimestamp")]
        ready = [
            pod
            for pod in staying
            if any(
                one["type"] == "Ready" and one["status"] == "True"
                for one in pod.get("status", {}).get("conditions", ())
            )
        ]
        restarts = {
            pod["metadata"]["name"]: sum(
                one.get("restartCount", 0) for one in pod.get("status", {}).get("containerStatuses", ())
            )
            for pod in staying
        }
        wanted = deployment["spec"].get("replicas", 0) if deployment else None
        return cls(len(ready), wanted, restarts)


class _Version:
    """One version's pods over some time.

    What counts is how many pods its Deployment asks for. Where that grows, the new pods have time to start.
    """

    def __init__(self) -> None:
        """What the pods are at the first look is what they were at first."""
        self._first: VersionPods | None = None
        self.due = 0

    def restarts(self, pods: VersionPods) -> dict[str, int]:
        """Restarts since the first look; takes this one in."""
        wanted = pods.wanted or 0
        if self._first is None:
            self._first, self.due = pods, wanted
        self.due = wanted if pods.ready >= wanted else min(self.due, wanted)
        return {name: count - self._first.restarts.get(name, 0) for name, count in pods.restarts.items()}


class PodReader:
    """One canary's pods, and stable's: a fault that both share is not the canary's.

    A canary's autoscaler begins at its ceiling and shrinks it, and a worker's canary may have no pods at all.
    """

    def __init__(self, cluster: ClusterClient, name: str, service: ServiceSpec) -> None:
        """Prepares; nobody is asked yet."""
        self._cluster = cluster
        self._name = name
        self._service = service
        self._canary, self._stable = _Version(), _Version()

    def look(self) -> PodLook | Unknown:
        """What there is to see now."""
        try:
            pods = self._read(CANARY_VERSION, canary_name(self._name))
            others = self._read(STABLE_VERSION, self._name)
        except ClusterError as error:
            return Unknown(str(error))
        restarts, stable_restarts = self._canary.restarts(pods), self._stable.restarts(others)
        due = self._canary.due
        return PodLook(
            pods.ready,
            due,
            restarts,
            self._gone(pods.wanted),
            (pods.wanted or 0) - due,
            stable_restarts,
            others.ready < self._stable.due,
        )

    def _read(self, version: str, deployment: str) -> VersionPods:
        selector = {"labelSelector": f"app={self._name},version={version}"}
        listed = self._cluster.list(path("Pod", self._service.namespace), selector)
        # Asked for last: a Deployment that shrinks in between then has a pod too many, and not one too few.
        found = self._cluster.get(path("Deployment", self._service.namespace, deployment))
        return VersionPods.read(listed, found)

    def _gone(self, wanted: int | None) -> str:
        """Why nothing asks for pods any more; of all canaries, only a worker's may do without."""
        if wanted is None:
            return "no Deployment"
        return "" if wanted or self._service.reads_queues else "its Deployment is scaled to 0"

"""After an advance: is the canary well? Its pods by the cluster, its errors by a Prometheus."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from rollout.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eco2.cluster import Cluster
    from rollout.catalog import Service

PAUSE_SECONDS = 2.0
LOOKS_IN_A_ROW = 3
"""Fewer pods ready in this many looks are no hiccup."""

FEWEST_REQUESTS = 100
"""With fewer, a share of errors says nothing: at 5 % of little traffic that is the common case."""

MOST_ERRORS = 0.01
"""The share of failed requests that a canary may have, or twice stable's, whichever is more."""

Verdict = Literal["well", "sick", "not known"]


@dataclass(frozen=True)
class Health:
    """What was seen of one canary.

    Attributes:
        service: Its service.
        verdict: `not known` is neither of the others: too few requests, or no answer.
        words: The figures behind it.
    """

    service: str
    verdict: Verdict
    words: str

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


@dataclass(frozen=True)
class Pods:
    """A canary's pods at one moment.

    Attributes:
        ready: Those that are ready.
        restarts: Restarts of all their containers by pod.
    """

    ready: int
    restarts: dict[str, int]

    @classmethod
    def read(cls, listed: Sequence[Mapping[str, Any]]) -> Pods:
        """From the objects of a list; pods that are going away do not count."""
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
        return cls(len(ready), restarts)


class Watched:
    """One canary over some time: what its pods were at first, and what they are."""

    def __init__(self, name: str, service: Service, first: Pods) -> None:
        self.name = name
        self.service = service
        self.first = self.last = first
        self._fewer = 0

    def look(self, pods: Pods) -> None:
        """Takes the next look down."""
        self.last = pods
        self._fewer = self._fewer + 1 if pods.ready < self.first.ready or not pods.ready else 0

    @property
    def sickness(self) -> str:
        """What is wrong with its pods; empty if nothing is."""
        restarted = {
            name: count - self.first.restarts.get(name, 0)
            for name, count in self.last.restarts.items()
            if count > self.first.restarts.get(name, 0)
        }
        if restarted:
            return ", ".join(f"{name} restarted {count} x" for name, count in sorted(restarted.items()))
        if self._fewer >= LOOKS_IN_A_ROW:
            return f"{self.last.ready} pods ready, and {self.first.ready} right after the update"
        return ""


def soak(
    cluster: Cluster,
    services: Mapping[str, Service],
    seconds: int,
    prometheus: str | None,
    say: Callable[[str], None],
) -> list[Health]:
    """Watches canaries until the time is over or one of them is sick.

    Args:
        cluster: The cluster.
        services: The services whose canaries to watch.
        seconds: How long.
        prometheus: The URL of a Prometheus with Istio's metrics; None looks at pods alone.
        say: Takes a line for the user.

    Returns:
        One a service.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    began = time.monotonic()
    watched = [Watched(name, service, _pods(cluster, name, service)) for name, service in services.items()]
    say(f"watching {', '.join(services)} for {seconds} s")
    while True:
        left = began + seconds - time.monotonic()
        for one in watched:
            one.look(_pods(cluster, one.name, one.service))
        if left <= 0 or any(one.sickness for one in watched):
            break
        time.sleep(min(PAUSE_SECONDS, left))
    window_seconds = max(int(time.monotonic() - began), 1)
    return [_health(one, prometheus, window_seconds) for one in watched]


def _pods(cluster: Cluster, name: str, service: Service) -> Pods:
    selector = {"labelSelector": f"app={name},version={CANARY_VERSION}"}
    return Pods.read(cluster.list(f"/api/v1/namespaces/{service.namespace}/pods", selector))


def _health(watched: Watched, prometheus: str | None, window_seconds: int) -> Health:
    pods = f"{watched.last.ready} pods ready, no restarts"
    if sickness := watched.sickness:
        return Health(watched.name, "sick", sickness)
    if not watched.last.ready:
        return Health(watched.name, "not known", "it has no pods in this phase")
    if prometheus is None:
        return Health(watched.name, "well", pods)
    from eco2.prometheus import Prometheus, PrometheusError  # noqa: PLC0415  # only where there is one

    try:
        counted = Prometheus(prometheus).requests({watched.name: watched.service}, window_seconds)
    except PrometheusError as error:
        return Health(watched.name, "not known", f"{pods}; {error}")
    found = counted.get(watched.name)
    if found is None:
        return Health(watched.name, "well", f"{pods}; a worker gets no requests")
    canary, stable = (
        (found.total.get(version, 0.0), found.failed.get(version, 0.0))
        for version in (CANARY_VERSION, STABLE_VERSION)
    )
    verdict, words = judged_errors(canary, stable)
    return Health(watched.name, verdict, f"{pods}; {words}")


def judged_errors(canary: tuple[float, float], stable: tuple[float, float]) -> tuple[Verdict, str]:
    """Whether a canary's share of failed requests is too high.

    Args:
        canary: Its requests, and those of them that failed.
        stable: The same of stable in the same time.

    Returns:
        The verdict and the figures.
    """
    requests, failed = canary
    if requests < FEWEST_REQUESTS:
        return "not known", f"not enough requests: {requests:.0f} of {FEWEST_REQUESTS}"
    share = failed / requests
    usual = stable[1] / stable[0] if stable[0] else 0.0
    words = f"{share:.1%} of {requests:.0f} requests failed, {usual:.1%} of stable's"
    return ("sick" if share > max(MOST_ERRORS, 2 * usual) else "well"), words

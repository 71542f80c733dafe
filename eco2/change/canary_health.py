"""After an advance: is the canary well? Its pods by the cluster, its errors by a Prometheus."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from kube.kinds import path
from rollout.judge.signs import LOOKS_IN_A_ROW
from rollout.traffic.names import canary_name
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kube.cluster import ClusterClient
    from rollout.spec.service import ServiceSpec

PAUSE_SECONDS = 2.0
FEWEST_REQUESTS = 100
"""With fewer, a share of errors says nothing: at 5 % of little traffic that is the common case."""

MOST_ERRORS = 0.01
"""The share of failed requests that a canary may have, or twice stable's, whichever is more."""

MOST_USUAL = 0.1
"""Where more of stable's own requests fail, something else is wrong: a canary that does no better may be well
or not. One that fails by so much more than stable is sick all the same."""

Verdict = Literal["well", "sick", "not known"]


@dataclass(frozen=True)
class Health:
    """What was seen of one canary.

    Attributes:
        service: Its service.
        verdict: `not known` is neither of the others: too few requests, no pod, or no answer.
        words: The figures behind it.
        watched: Whether there was what is to be there, and whoever was asked could tell. Too few requests, or no
            pods where none are wanted, are no lack of that.
    """

    service: str
    verdict: Verdict
    words: str
    watched: bool = True

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


@dataclass(frozen=True)
class CanaryPods:
    """A canary's pods at one moment.

    Attributes:
        ready: Those that are ready.
        wanted: Those that its Deployment asks for at that moment; None if that is gone.
        restarts: Restarts of all their containers by pod.
    """

    ready: int
    wanted: int | None
    restarts: dict[str, int]

    @classmethod
    def read(cls, listed: Sequence[Mapping[str, Any]], deployment: Mapping[str, Any] | None) -> CanaryPods:
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


class Watched:
    """One canary over some time: what its pods were at first, and what they are.

    Its autoscaler begins at its ceiling and shrinks it, and a worker's canary may have no pods at all, so
    what counts is how many pods its Deployment asks for. Where that grows, the new pods have time to start.
    """

    def __init__(self, name: str, service: ServiceSpec, first: CanaryPods) -> None:
        self.name = name
        self.service = service
        self.first = self.last = first
        self._due = first.wanted or 0
        self._fewer = 0

    def look(self, pods: CanaryPods) -> None:
        """Takes the next look down."""
        self.last = pods
        wanted = pods.wanted or 0
        self._due = wanted if pods.ready >= wanted else min(self._due, wanted)
        self._fewer = self._fewer + 1 if self._gone or pods.ready < self._due else 0

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
        return self.lack if self._fewer >= LOOKS_IN_A_ROW else ""

    @property
    def _gone(self) -> bool:
        """Whether nothing asks for pods any more; of all canaries, only a worker's may do without."""
        return self.last.wanted is None or (not self.last.wanted and not self.service.reads_queues)

    @property
    def lack(self) -> str:
        """What it lacks at the last look; empty if nothing."""
        ready, wanted = self.last.ready, self.last.wanted
        if wanted is None:
            return "no Deployment"
        if self._gone:
            return "its Deployment is scaled to 0"
        return f"{ready} pods ready, and {wanted} wanted" if ready < wanted else ""


def soak(
    cluster: ClusterClient,
    services: Mapping[str, ServiceSpec],
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


def _pods(cluster: ClusterClient, name: str, service: ServiceSpec) -> CanaryPods:
    selector = {"labelSelector": f"app={name},version={CANARY_VERSION}"}
    listed = cluster.list(path("Pod", service.namespace), selector)
    # Asked for last: a Deployment that shrinks in between then has a pod too many, and not one too few.
    deployment = cluster.get(path("Deployment", service.namespace, canary_name(name)))
    return CanaryPods.read(listed, deployment)


def _health(watched: Watched, prometheus: str | None, window_seconds: int) -> Health:
    if sickness := watched.sickness:
        return Health(watched.name, "sick", sickness)
    lack = watched.lack
    if not watched.last.ready:
        return Health(watched.name, "not known", lack or "it has no pods in this phase", watched=not lack)
    health = Health(watched.name, "well", lack or f"{watched.last.ready} pods ready, no restarts")
    if prometheus is not None:
        errors = _errors(watched, prometheus, window_seconds)
        health = replace(errors, words=f"{health.words}; {errors.words}")
    # Pods that are not ready yet may still fall sick.
    return replace(health, verdict="not known") if health.verdict == "well" and lack else health


def _errors(watched: Watched, prometheus: str, window_seconds: int) -> Health:
    """What a Prometheus says of its requests."""
    from eco2.prometheus import Prometheus, PrometheusError  # noqa: PLC0415  # only where there is one

    try:
        counted = Prometheus(prometheus).requests({watched.name: watched.service}, window_seconds)
    except PrometheusError as error:
        return Health(watched.name, "not known", str(error), watched=False)
    found = counted.get(watched.name)
    if found is None:
        return Health(watched.name, "well", "a worker gets no requests")
    canary, stable = (
        (found.total.get(version, 0.0), found.failed.get(version, 0.0))
        for version in (CANARY_VERSION, STABLE_VERSION)
    )
    return Health(watched.name, *judged_errors(canary, stable))


def judged_errors(canary: tuple[float, float], stable: tuple[float, float]) -> tuple[Verdict, str, bool]:
    """Whether a canary's share of failed requests is too high.

    Args:
        canary: Its requests, and those of them that failed.
        stable: The same of stable in the same time.

    Returns:
        The verdict, the figures, and whether stable is fit to be compared with.
    """
    requests, failed = canary
    if requests < FEWEST_REQUESTS:
        return "not known", f"not enough requests: {requests:.0f} of {FEWEST_REQUESTS}", True
    share = failed / requests
    usual = stable[1] / stable[0] if stable[0] else 0.0
    words = f"{share:.1%} of {requests:.0f} requests failed, {usual:.1%} of stable's"
    if share > max(MOST_ERRORS, min(2 * usual, usual + MOST_USUAL)):
        return "sick", words, True
    if share > MOST_ERRORS and usual > MOST_USUAL:
        return "not known", f"{words}, too many to tell the canary's own from", False
    return "well", words, True

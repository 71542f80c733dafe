"""Looks at canaries: one reading each, since the look before."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from eco2.background import Later
from eco2.judge.asking import Asker
from eco2.judge.pods import PodReader
from eco2.judge.requests import Counted, RequestReader
from rollout.judge.judging import Earlier, Reading
from rollout.judge.observations import Unknown
from rollout.judge.scrapes import NotYet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.cluster import ClusterClient
    from rollout.judge.signs import PodLook
    from rollout.spec.service import ServiceSpec

NO_PROMETHEUS: Final = NotYet("requests were not looked at: no Prometheus was named")
NO_ANSWER: Final = Unknown("the cluster has not told of its pods yet")

PATIENCE_SECONDS: Final = 2.0
"""How long a look waits for the cluster; the next one takes what comes late."""

LATE: Final = Unknown("Prometheus has not answered yet")

REQUESTS_SECONDS: Final = 4.0
"""How long a look waits for Prometheus; it waits itself for own checks. A sick pod must not wait for what is slow."""

PAUSE_SECONDS: Final = 0.01


class Watch:
    """Some canaries over time; the looks of a phase are held against each other."""

    def __init__(
        self, cluster: ClusterClient, prometheus: str | None, services: Mapping[str, ServiceSpec]
    ) -> None:
        """Prepares; nobody is asked yet.

        Args:
            cluster: The cluster.
            prometheus: The URL of a Prometheus with Istio's metrics; None looks at pods alone.
            services: The services whose canaries to look at.

        Raises:
            PrometheusError: If that is no URL.
        """
        self._services = services
        self._cluster = cluster
        self._asker = None if prometheus is None else Asker(prometheus)
        self._requests = None if self._asker is None else RequestReader(self._asker, services)
        self._begin()

    def look(self, weights: Mapping[str, int]) -> dict[str, Reading]:
        """What there is to see of each canary now; an outage is `Unknown`, in words.

        Args:
            weights: The canaries' weights in per cent.
        """
        at, began = time.time(), time.monotonic()
        for name, reader in self._pods.items():
            if name not in self._looking:
                self._looking[name] = Later(reader.look)
        if not self._counting:
            self._counting.append(Later(partial(_counted, self._requests, self._services, weights)))
        pods = self._seen(began + PATIENCE_SECONDS)
        counted = self._told(began + REQUESTS_SECONDS)
        return {
            name: Reading(
                at,
                found.failed,
                found.slow,
                pods[name],
                found.fallen_back,
                found.checks,
                found.latency_ms,
                found.unseen,
            )
            for name, found in counted.items()
        }

    def away(self) -> str:
        """Why Prometheus tells nothing at this moment; empty if it answers, and where none was named."""
        now = self._asker.now() if self._asker else None
        return now.why if isinstance(now, Unknown) else ""

    def begin_phase(self) -> None:
        """Begins anew: restarts count from the next look on, and requests from the next scrape after it."""
        self._requests = self._requests and self._requests.at_next_phase()
        self._begin()

    def earlier(self, name: str) -> Earlier:
        """What stable did in the last hour, for a canary at full weight; what comes late is there when asked again.

        Args:
            name: A service that requests come to.
        """
        if self._requests is None:
            return Earlier(NO_PROMETHEUS, NO_PROMETHEUS)
        patience = 0.0
        if name not in self._past:
            self._past[name], patience = Later(partial(self._requests.earlier, name)), REQUESTS_SECONDS
        if not self._past[name].wait(patience):
            return Earlier(LATE, LATE)
        return self._past.pop(name).result()

    def _seen(self, end: float) -> dict[str, PodLook | Unknown]:
        """The pods, as far as the cluster tells in time: what requests say must not wait for it."""
        while time.monotonic() < end and not all(look.done for look in self._looking.values()):
            time.sleep(PAUSE_SECONDS)
        done = {name: self._looking.pop(name).result() for name in self._pods if self._looking[name].done}
        return {name: done.get(name, NO_ANSWER) for name in self._pods}

    def _told(self, end: float) -> dict[str, Counted]:
        """The requests, if Prometheus tells in time: a canary whose pods fall over must not wait for it."""
        if not self._counting[0].wait(end - time.monotonic()):
            return {name: Counted.unknown(service, LATE) for name, service in self._services.items()}
        return self._counting.pop().result()

    def _begin(self) -> None:
        # New readers: a look of the phase before may still be under way.
        self._pods = {name: PodReader(self._cluster, name, one) for name, one in self._services.items()}
        self._looking: dict[str, Later[PodLook | Unknown]] = {}
        self._counting: list[Later[dict[str, Counted]]] = []  # the look that is under way, if there is one
        self._past: dict[str, Later[Earlier]] = {}


def _counted(
    reader: RequestReader | None, services: Mapping[str, ServiceSpec], weights: Mapping[str, int]
) -> dict[str, Counted]:
    if reader:
        return reader.look(weights)
    return {name: Counted.unknown(service, NO_PROMETHEUS) for name, service in services.items()}

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
        self._begin_with_pods()
        self._asker = None if prometheus is None else Asker(prometheus)
        self._requests = None if self._asker is None else RequestReader(self._asker, services)

    def look(self, weights: Mapping[str, int]) -> dict[str, Reading]:
        """What there is to see of each canary now; an outage is `Unknown`, in words.

        Args:
            weights: The canaries' weights in per cent.
        """
        at, end = time.time(), time.monotonic() + PATIENCE_SECONDS
        for name, reader in self._pods.items():
            if name not in self._looking:
                self._looking[name] = Later(reader.look)
        counted = Later(partial(self._counted, weights)).result()
        pods = self._seen(end)
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
        self._begin_with_pods()
        if self._requests:
            self._requests.begin_phase()

    def earlier(self, name: str) -> Earlier:
        """What stable did in the last hour, for `Judging.begin` at full weight.

        Args:
            name: A service that requests come to.
        """
        return self._requests.earlier(name) if self._requests else Earlier(NO_PROMETHEUS, NO_PROMETHEUS)

    def _seen(self, end: float) -> dict[str, PodLook | Unknown]:
        """The pods, as far as the cluster tells in time: what requests say must not wait for it."""
        while time.monotonic() < end and not all(look.done for look in self._looking.values()):
            time.sleep(PAUSE_SECONDS)
        done = {name: self._looking.pop(name).result() for name in self._pods if self._looking[name].done}
        return {name: done.get(name, NO_ANSWER) for name in self._pods}

    def _begin_with_pods(self) -> None:
        # New readers: a look of the phase before may still be under way.
        self._pods = {name: PodReader(self._cluster, name, one) for name, one in self._services.items()}
        self._looking: dict[str, Later[PodLook | Unknown]] = {}

    def _counted(self, weights: Mapping[str, int]) -> dict[str, Counted]:
        if self._requests:
            return self._requests.look(weights)
        return {name: Counted.unknown(service, NO_PROMETHEUS) for name, service in self._services.items()}

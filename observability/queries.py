"""What the dashboard asks Prometheus: one service at a time, by version.

Requests, failures and latency come from Istio's own metrics, so that they are seen without the rules, too; weights and
pods come from the rules' series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observability.promql import (
    AVAILABLE,
    CREATED,
    DURATIONS,
    LEAST_WEIGHT,
    MOST_WEIGHT,
    REQUESTS,
    any_of,
)
from observability.recording import counted
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.names import canary_name
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from observability.watched import Watched

VERSION: Final = "destination_version"
RATE: Final = "rate({}[$__rate_interval])"
CHOSEN: Final = 'destination_service_name=~"$service",destination_service_namespace=~"$namespace"'
OF_SERVICE: Final = 'service=~"$service",namespace=~"$namespace"'
ANSWERED_BY_POD: Final = f'{VERSION}=~"{STABLE_VERSION}|{CANARY_VERSION}"'
QUANTILES: Final = (50, 95, 99)


@dataclass(frozen=True)
class Query:
    """A question.

    Attributes:
        expression: In PromQL, with Grafana's variables.
        legend: The name of each answer's line.
        instant: Asked for now alone.
    """

    expression: str
    legend: str = ""
    instant: bool = False


class Queries:
    """The dashboard's questions, each by the name of what it shows."""

    def __init__(self, watched: Watched) -> None:
        """Prepares; nothing is asked.

        Args:
            watched: The services.
        """
        self._watched = watched
        pods = any_of(watched.services)
        self._deployments = f'deployment=~"($service)({canary_name("")})?",namespace=~"$namespace"'
        self._pods = f'pod=~"($service)-.+",container=~"{pods}",namespace=~"$namespace"'

    def requests(self) -> Query:
        """Requests a second by version; `unknown`: they reached no pod."""
        return Query(self._rate(REQUESTS), f"{{{{{VERSION}}}}}")

    def share(self) -> Query:
        """The canary's part of all answered requests."""
        own, both = (
            self._rate(REQUESTS, of, by="") for of in (f'{VERSION}="{CANARY_VERSION}"', ANSWERED_BY_POD)
        )
        return Query(f"{own}\n/\n({both} > 0)", "canary's share")

    def weight(self) -> Query:
        """What routes send to the canary."""
        return Query(f"max({MOST_WEIGHT}{{{OF_SERVICE}}}) / {FULL_WEIGHT}", "weight")

    def failures(self) -> Query:
        """The failed part of each version's requests."""
        return Query(f"{self._failed()}\n/\n({self._rate(REQUESTS)} > 0)", f"{{{{{VERSION}}}}}")

    def failed(self) -> Query:
        """Failed requests a second by version."""
        return Query(self._failed(), f"{{{{{VERSION}}}}}")

    def failures_of(self, version: str) -> Query:
        """The failed part of one version's requests, as one figure."""
        own = f'{VERSION}="{version}"'
        return Query(f"{self._failed(own, by='')}\n/\n({self._rate(REQUESTS, own, by='')} > 0)")

    def latency(self, percent: int) -> Query:
        """A quantile of the durations by version, in milliseconds."""
        buckets = self._rate(DURATIONS, ANSWERED_BY_POD, by=f"le, {VERSION}")
        return Query(
            f"histogram_quantile({percent / FULL_WEIGHT:g}, {buckets})", f"p{percent} {{{{{VERSION}}}}}"
        )

    def pods(self) -> Query:
        """Available pods by Deployment."""
        available = f"kube_deployment_status_replicas_available{{{self._deployments}}}"
        return Query(f"max by (deployment) ({available})", "{{deployment}} available")

    def wanted_pods(self) -> Query:
        """Pods that are to be there, by Deployment."""
        wanted = f"kube_deployment_spec_replicas{{{self._deployments}}}"
        return Query(f"max by (deployment) ({wanted})", "{{deployment}} wanted")

    def restarts(self) -> Query:
        """Restarts of the service's containers."""
        return Query(
            f"sum by (pod) (increase(kube_pod_container_status_restarts_total{{{self._pods}}}[$__rate_interval]))",
            "{{pod}}",
        )

    def age(self) -> Query:
        """How long the canary has been there, in seconds."""
        return Query(f"time() - max({CREATED}{{{OF_SERVICE}}})")

    def canary_pods(self) -> Query:
        """The canary's available pods."""
        return Query(f"max({AVAILABLE}{{{OF_SERVICE}}})")

    def under_way(self) -> Query:
        """The weight of every canary that is there, whatever service is chosen."""
        return Query(f"{MOST_WEIGHT} and on (service, namespace) {CREATED}", instant=True)

    def weight_changes(self) -> Query:
        """Moments at which a weight changed, for annotations."""
        weight = f"{LEAST_WEIGHT}{{{OF_SERVICE}}}"
        return Query(f"{weight} != {weight} offset 1m")

    def alerts(self) -> Query:
        """Alerts of the service that fire, for annotations."""
        return Query(f'ALERTS{{alertname=~"Eco2.+",alertstate="firing",{OF_SERVICE}}}')

    def _failed(self, more: str = "", *, by: str = VERSION) -> str:
        """Failed requests a second; 0 where none has ever failed, and so nothing was counted."""
        failed, every = (self._rate(REQUESTS, more, by=by, failed=only) for only in (True, False))
        return f"({failed}\nor\n{every} * 0)"

    def _rate(self, metric: str, more: str = "", *, by: str = VERSION, failed: bool = False) -> str:
        inside = ",".join(part for part in (CHOSEN, more) if part)
        found = counted(self._watched, metric, by, failed=failed, function=RATE, more=inside)
        # One service is chosen, so one of the two reports has it.
        return f"(\n{found}\n)"

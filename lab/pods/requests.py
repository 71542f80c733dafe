"""Calls that pods answered by gRPC, as their own proxies would report them to a Prometheus."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "unknown"
DOMAIN = "svc.cluster.local"
BUCKETS = (
    *(0.5, 1, 5, 10, 25, 50, 100, 250, 500),
    *(1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000),
)
"""Milliseconds; the bounds of Istio's proxies."""
OWN = (
    *("destination_service", "destination_service_name", "destination_service_namespace"),
    *("destination_workload", "destination_workload_namespace", "destination_version"),
)
"""What a pod knows of itself."""
LABELS = (*OWN, "request_protocol", "response_code", "response_flags", "grpc_response_status")


@dataclass
class Outcome:
    """How a call ended; as it stands here, the caller went before there was an answer.

    Attributes:
        response_code: The HTTP status; with gRPC 200 whatever the answer.
        response_flags: Envoy's: `DC`, the caller has gone.
        grpc_response_status: The number of the status; empty without an answer.
    """

    response_code: str = "0"
    response_flags: str = "DC"
    grpc_response_status: str = ""

    def answered(self, status: int) -> None:
        """Takes note of an answer."""
        self.response_code, self.response_flags, self.grpc_response_status = "200", "-", str(status)


class Requests:
    """Counts calls; a pod that goes takes nothing along."""

    def __init__(self) -> None:
        """Prepares; nothing is counted yet."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._total = Counter("istio_requests_total", "Calls, at their end.", LABELS, registry=self._registry)
        self._duration = Histogram(
            "istio_request_duration_milliseconds",
            "How long they took.",
            LABELS,
            buckets=BUCKETS,
            registry=self._registry,
        )

    @contextmanager
    def counted(self, own: dict[str, str]) -> Iterator[Outcome]:
        """Counts what is answered in the block.

        Args:
            own: Values of the labels that tell the pod: see `labels_of`.
        """
        outcome, began = Outcome(), time.monotonic()
        try:
            yield outcome
        finally:
            labels = {**own, "request_protocol": "grpc", **vars(outcome)}
            self._total.labels(**labels).inc()
            self._duration.labels(**labels).observe(1000 * (time.monotonic() - began))

    def exposed(self) -> bytes:
        """All counts, as a Prometheus reads them."""
        return generate_latest(self._registry)


def labels_of(pod: dict[str, Any]) -> dict[str, str]:
    """What a pod's own proxy would say of it."""
    meta = pod["metadata"]
    labels, namespace = meta.get("labels", {}), meta.get("namespace", "default")
    service = labels.get("app", meta["name"])
    owner = next(
        (one["name"] for one in meta.get("ownerReferences", ()) if one.get("controller")), meta["name"]
    )
    workload = owner.removesuffix(f"-{labels.get('pod-template-hash', '')}")
    version = labels.get("version") or UNKNOWN
    host = f"{service}.{namespace}.{DOMAIN}"
    return dict(zip(OWN, (host, service, namespace, workload, namespace, version), strict=True))

"""What the two Envoys count of requests, as Istio's own do.

Istio's proxies have a filter for that (istio_stats.cc), the public Envoy has not. Its access logger for statistics
counts the same, though: once for a request, at its end, with the workload that istiod names beside the address of the
pod that was tried, or none. A Prometheus gives the rest of Istio's labels: see `lab.mesh.prometheus`.
"""

from __future__ import annotations

from typing import Any

STAT_PREFIX = "istio"
TAGS = {
    "upstream_cluster": "%UPSTREAM_CLUSTER%",
    "workload": "%UPSTREAM_METADATA(istio:workload)%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "grpc_response_status": "%GRPC_STATUS_NUMBER%",
}
FLUSH = "0.5s"
"""How old Envoy's histograms may be; Istio leaves it at 5 s, where the buckets are behind the count of requests."""


def _stat(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "tags": [{"name": tag, "value_format": value} for tag, value in TAGS.items()],
    }


ACCESS_LOG = {
    "name": "envoy.access_loggers.stats",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
        "stat_prefix": STAT_PREFIX,
        "counters": [{"stat": _stat("requests_total"), "value_fixed": 1}],
        # Envoy's own bounds of buckets are Istio's.
        "histograms": [
            {
                "stat": _stat("request_duration_milliseconds"),
                "unit": "Milliseconds",
                "value_format": "%DURATION%",
            }
        ],
    },
}

_MANAGER = "envoy.filters.network.http_connection_manager"
_TYPE = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)


def _patch(context: str) -> dict[str, Any]:
    return {
        "applyTo": "NETWORK_FILTER",
        "match": {"context": context, "listener": {"filterChain": {"filter": {"name": _MANAGER}}}},
        "patch": {
            "operation": "MERGE",
            "value": {
                "name": _MANAGER,
                "typed_config": {
                    "@type": _TYPE,
                    "access_log": [ACCESS_LOG],
                },
            },
        },
    }


FILTER: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1alpha3",
    "kind": "EnvoyFilter",
    "metadata": {"name": "lab-requests", "namespace": "istio-system"},
    "spec": {"configPatches": [_patch(context) for context in ("GATEWAY", "SIDECAR_OUTBOUND")]},
}
"""How istiod tells the Envoys."""

"""Istio's metrics of a service's requests, as PromQL selects them.

Istio reports each request twice: `eco2.prometheus` says who knows what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollout.spec.service import ServiceSpec

GRPC_FAILURES = "2|4|8|12|13|14|15"
"""Unknown, DeadlineExceeded, ResourceExhausted, Unimplemented, Internal, Unavailable, DataLoss: the
statuses that are the server's fault. Their `response_code` is 200."""


def by_reporter(services: Mapping[str, ServiceSpec]) -> dict[bool, dict[str, ServiceSpec]]:
    """Services by whether only their own pods report their requests; workers get none and are left out."""
    found: dict[bool, dict[str, ServiceSpec]] = {}
    for name, service in services.items():
        if not service.reads_queues:
            found.setdefault(service.by_selector, {})[name] = service
    return found


def increase(services: Mapping[str, ServiceSpec], window_seconds: int, *, grpc: bool, failed: bool) -> str:
    """The expression that counts requests by service and version.

    Args:
        services: The services to count; all of one kind.
        window_seconds: How far back.
        grpc: Whether they are called by the gateway's filter, which only the pod's own proxy reports.
        failed: Count only those that ended with a server error.
    """
    kinds = selector(services, grpc=grpc)
    if failed:
        label = "grpc_response_status" if grpc else "response_code"
        kinds += f',{label}=~"{GRPC_FAILURES}"' if grpc else f',{label}=~"5.."'
    by = "destination_service_name,destination_service_namespace,destination_version"
    return f"sum by ({by}) (increase(istio_requests_total{{{kinds}}}[{window_seconds}s]))"


def selector(services: Mapping[str, ServiceSpec], *, grpc: bool) -> str:
    """The labels of the series of services, as whoever knows of all requests reports them.

    Args:
        services: The services; all of one kind.
        grpc: Whether they are called by the gateway's filter, which only the pod's own proxy reports.
    """
    matches = {
        "reporter": '="destination"' if grpc else '="source"',
        "destination_service_name": f'=~"{_any_of(services)}"',
        "destination_service_namespace": f'=~"{_any_of({one.namespace for one in services.values()})}"',
    }
    return ",".join(name + match for name, match in matches.items())


def _any_of(names: Iterable[str]) -> str:
    """Names as an alternative; DNS labels hold nothing that a pattern would take for its own."""
    return "|".join(sorted(names))

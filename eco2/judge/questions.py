"""What a judge asks a Prometheus: PromQL, one question of each kind for all services together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eco2.istio_metrics import GRPC_FAILURES, selector
from eco2.judge.series import BUCKET, FAILED_CODES, NAME, NAMESPACE, VERSION
from rollout.judge.scrapes import LONGEST_SECONDS
from rollout.spec import judge_settings
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.spec.service import ServiceSpec

SCRAPES_SECONDS: Final = round(1.5 * LONGEST_SECONDS)
"""How far back scrapes are asked for."""

EARLIER_SECONDS: Final = 3600
"""How far back stable is looked at before it is compared with anything."""

LATENCY_SECONDS: Final = 60

REQUESTS: Final = "istio_requests_total"
DURATION: Final = "istio_request_duration_milliseconds_bucket"
BOTH: Final = f'{VERSION}=~"{STABLE_VERSION}|{CANARY_VERSION}"'
STABLE: Final = f'{VERSION}="{STABLE_VERSION}"'


def requests(services: Mapping[str, ServiceSpec], *, grpc: bool) -> str:
    """The last scrapes of all requests, also of those that reached no pod."""
    return f"{REQUESTS}{{{selector(services, grpc=grpc)}}}[{SCRAPES_SECONDS}s]"


def ages(services: Mapping[str, ServiceSpec], *, grpc: bool) -> str:
    """How many seconds old the newest scrape of each service is, up to the five minutes of an instant query."""
    series = f"{REQUESTS}{{{selector(services, grpc=grpc)}}}"
    return f"time() - max by ({NAME},{NAMESPACE}) (timestamp({series}))"


DOWN: Final = "up == 0"
"""The targets that Prometheus is told to scrape and cannot."""


def buckets(services: Mapping[str, ServiceSpec], ends: Collection[str], *, grpc: bool) -> str:
    """The last scrapes of some buckets.

    Args:
        services: The services; all of one kind.
        ends: The buckets' upper ends, as the metric writes them.
        grpc: Whether only the called pods report.
    """
    # Only a dot and the + of +Inf mean something else in a pattern.
    wanted = "|".join(sorted(ends)).replace(".", "[.]").replace("+", "[+]")
    labels = f'{selector(services, grpc=grpc)},{BOTH},{BUCKET}=~"{wanted}"'
    return f"{DURATION}{{{labels}}}[{SCRAPES_SECONDS}s]"


def durations_before(services: Mapping[str, ServiceSpec], *, grpc: bool) -> str:
    """How long stable's requests of the last hour took, by bucket."""
    series = f"{DURATION}{{{selector(services, grpc=grpc)},{STABLE}}}"
    return f"sum by ({NAME},{NAMESPACE},{BUCKET}) (increase({series}[{EARLIER_SECONDS}s]))"


def requests_before(services: Mapping[str, ServiceSpec], *, grpc: bool, failed: bool) -> str:
    """How many requests stable answered in the last hour, or how many of them failed."""
    labels = f"{selector(services, grpc=grpc)},{STABLE}"
    ways = (
        [f',response_code=~"{FAILED_CODES}"', f',grpc_response_status=~"{GRPC_FAILURES}"'] if failed else [""]
    )
    # `or` takes a series once that has both.
    series = " or ".join(f"increase({REQUESTS}{{{labels}{way}}}[{EARLIER_SECONDS}s])" for way in ways)
    return f"sum by ({NAME},{NAMESPACE}) ({series})"


def latencies(services: Mapping[str, ServiceSpec], quantile: float, *, grpc: bool) -> str:
    """A quantile of how long requests of the last minute took, by version.

    Args:
        services: The services; all of one kind.
        quantile: In per cent.
        grpc: Whether only the called pods report.
    """
    series = f"{DURATION}{{{selector(services, grpc=grpc)},{BOTH}}}"
    rates = f"sum by ({NAME},{NAMESPACE},{VERSION},{BUCKET}) (rate({series}[{LATENCY_SECONDS}s]))"
    return f"histogram_quantile({quantile / 100:.4g}, {rates})"


def filled(query: str, service: str, version: str) -> str:
    """A service's own check for one version."""
    return query.replace(judge_settings.SERVICE, service).replace(judge_settings.VERSION, version)

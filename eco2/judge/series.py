"""From the series that a Prometheus gives to scrapes of proxies, by service."""

from __future__ import annotations

import re
from collections import defaultdict
from math import isnan
from typing import TYPE_CHECKING, Final

from eco2.istio_metrics import GRPC_FAILURES
from rollout.judge.observations import Unknown
from rollout.judge.scrapes import LONGEST_SECONDS, Scrape
from rollout.judge.tally import LATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rollout.spec.service import ServiceSpec

    Values = list[tuple[dict[str, str], float]]
    """Labels and value of each series now."""
    Samples = Iterable[tuple[dict[str, str], list[tuple[float, float]]]]
    Point = tuple[Mapping[str, str], float]
    """The labels of a series, and its value at a moment."""
    Target = tuple[tuple[str, str], ...]
    """The labels of who was scraped, and by whom."""
    Sampled = tuple[dict[str, str], list[tuple[float, float]]]
    Moments = Mapping[float, list[Point]]
    """What one proxy had counted, by the time of the scrape."""

NAME: Final = "destination_service_name"
NAMESPACE: Final = "destination_service_namespace"
VERSION: Final = "destination_version"
FAILED_CODES: Final = "5..|0|499"
"""As a pattern. 0 (and 499 of newer proxies) was never answered: the server kept silent until a timeout, the connection
broke, or the client hung up, as clients do on a server that hangs. Clients that hang up without a reason do so on both
versions alike, and the comparison is of the same seconds."""
FAILED: Final = re.compile(FAILED_CODES)
GRPC_FAILED: Final = frozenset(GRPC_FAILURES.split("|"))
BUCKET: Final = "le"
OF_ISTIO: Final = re.compile(
    "__name__|le|reporter|(source|destination)_.*|request_protocol|response_(code|flags)|grpc_response_status"
    "|connection_security_policy"
)
"""Istio's own labels; all others are those of who was scraped, by whom."""

TARGET: Final = ("job", "instance", "prometheus", "prometheus_replica", "replica")
"""Two series with the same proxy that differ in one of these are of two who scrape it."""

ALL: Final = float("inf")
NO_END: Final = -1.0


def key_of(name: str, service: ServiceSpec) -> tuple[str, str]:
    """A service as its series name it."""
    return name, service.namespace


def of_service(answer: Values | Unknown, key: tuple[str, str]) -> Iterator[tuple[dict[str, str], float]]:
    """The values of one service without NaN; none where the answer is unknown."""
    for labels, value in () if isinstance(answer, Unknown) else answer:
        if (labels.get(NAME), labels.get(NAMESPACE)) == key and not isnan(value):
            yield labels, value


def end_of(labels: Mapping[str, str]) -> float:
    """The upper end of a bucket; -1 of one without, which no bucket has."""
    try:
        end = float(labels.get(BUCKET, ""))
    except ValueError:
        return NO_END
    return end if end > 0 else NO_END


def by_proxy(samples: Samples, *, last: bool) -> dict[tuple[str, str], dict[str, Moments]]:
    """Series by service (name and namespace) and by the proxy that counted them.

    A proxy that two jobs, or two replicas of a Prometheus, scrape is taken from one of them: its requests would count
    twice, and twice as much of the same is no more evidence.

    Args:
        samples: What a Prometheus gave.
        last: Take no more than each proxy's last scrape.
    """
    found: dict[tuple[str, str], dict[str, dict[Target, list[Sampled]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for labels, values in samples:
        if values:
            service = labels.get(NAME, ""), labels.get(NAMESPACE, "")
            found[service][proxy_of(labels)][_target(labels)].append((labels, values))
    return {
        service: {proxy: _latest(_of_one(targets), last=last) for proxy, targets in proxies.items()}
        for service, proxies in found.items()
    }


def proxy_of(labels: Mapping[str, str]) -> str:
    """Who counted: the pod of the proxy, else its address."""
    if pod := labels.get("pod") or labels.get("kubernetes_pod_name"):
        namespace = labels.get("namespace") or labels.get("kubernetes_namespace") or ""
        return f"{namespace}/{pod}" if namespace else pod
    return labels.get("instance", "a proxy without a name")


def _target(labels: Mapping[str, str]) -> Target:
    return tuple(sorted((name, text) for name, text in labels.items() if not OF_ISTIO.fullmatch(name)))


def _of_one(targets: Mapping[Target, list[Sampled]]) -> list[Sampled]:
    """The series of one target; they are scraped at the same moments, down to the millisecond.

    A label that a mesh adds to Istio's own looks like one of a target. Its series have the same job, instance and
    moments as the others.
    """
    first = min(_live(targets))
    moments = {at for _, values in targets[first] for at, _ in values}
    return [
        series
        for target, sampled in targets.items()
        if all(dict(target).get(name) == dict(first).get(name) for name in TARGET)
        for series in sampled
        if target == first or series[1][-1][0] in moments
    ]


def _live(targets: Mapping[Target, list[Sampled]]) -> list[Target]:
    """Those that are still scraped: series that have ended stay in sight for as long as the question goes back."""
    moments = {
        target: sorted({at for _, values in sampled for at, _ in values})
        for target, sampled in targets.items()
    }
    newest = max(times[-1] for times in moments.values())

    def keeps_up(times: list[float]) -> bool:
        between = times[-1] - times[-2] if len(times) > 1 else LONGEST_SECONDS
        return newest - times[-1] <= LATE * between

    return [target for target, times in moments.items() if keeps_up(times)]


def _latest(sampled: Iterable[Sampled], *, last: bool) -> Moments:
    moments: dict[float, list[Point]] = defaultdict(list)
    for labels, values in sampled:
        for at, value in values[-1:] if last else values:
            moments[at].append((labels, value))
    # A series that the last scrape did not have any more has an older last sample.
    return {at: moments[at] for at in sorted(moments)[-1 if last else 0 :]}


def failed_scrapes(moments: Moments) -> list[Scrape]:
    """A proxy's scrapes of `istio_requests_total`, oldest first.

    Failed are 5xx, requests that were never answered, and gRPC statuses that servers cause.
    """
    return [Scrape(at, _by_version(_failed(points))) for at, points in moments.items()]


def _failed(points: Iterable[Point]) -> Iterator[tuple[str, str, tuple[float, float]]]:
    for labels, value in points:
        grpc = labels.get("grpc_response_status") in GRPC_FAILED
        failed = grpc or FAILED.fullmatch(labels.get("response_code", ""))
        yield labels.get(VERSION, ""), _name(labels), (value, value if failed else 0.0)


def slow_scrapes(moments: Moments, line: float) -> list[Scrape] | Unknown:
    """A proxy's scrapes of a histogram, oldest first.

    Args:
        moments: Of its buckets, at least the one that ends at the line and the one of all requests.
        line: From which duration on a request is slow.
    """
    scrapes = []
    for at, points in moments.items():
        buckets: dict[tuple[str, str], dict[float, float]] = defaultdict(dict)
        for labels, value in points:
            others = {name: text for name, text in labels.items() if name != BUCKET}
            buckets[labels.get(VERSION, ""), _name(others)][end_of(labels)] = value
        if any(not {line, ALL} <= ends.keys() for ends in buckets.values()):
            return Unknown(f"there is no bucket that ends at {line:g}: the histograms differ")
        counted = (
            (version, name, (ends[ALL], ends[ALL] - ends[line])) for (version, name), ends in buckets.items()
        )
        scrapes.append(Scrape(at, _by_version(counted)))
    return scrapes


def _name(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={text}" for name, text in sorted(labels.items()))


def _by_version(
    counted: Iterable[tuple[str, str, tuple[float, float]]],
) -> dict[str, dict[str, tuple[float, float]]]:
    found: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for version, name, figures in counted:
        found[version][name] = figures
    return found

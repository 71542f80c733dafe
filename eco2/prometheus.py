"""What a Prometheus has counted of Istio's requests.

Istio reports each request twice. `reporter="source"`, the caller's proxy, knows also those
that never reached a pod: the version is `unknown` where there was none to try (no healthy pod,
no route), and that of the pod that was tried where it took no connection.
`reporter="destination"`, the pod's own proxy, is the only one that sees calls of the gateway's
ext_authz filter. The metrics do not tell requests with the canary header from others, so a
measured split holds both.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import urllib3

from eco2 import prometheus_answers, prometheus_url
from eco2.istio_metrics import by_reporter, increase
from eco2.whole_answer import pool, whole_answer
from rollout.text.plain import without_login
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rollout.spec.service import ServiceSpec

T = TypeVar("T")

URL_VARIABLE = "ECO2_PROMETHEUS_URL"
"""The environment variable with the Prometheus' URL."""

WINDOW_SECONDS = 60
"""How far back counts look; four scrapes of the usual 15 s, so that one lost scrape does no harm."""

ENOUGH_REQUESTS = 100
"""Below this many requests a share says nothing: at 5 % it would be off by 4 points and more."""

TIMEOUT_SECONDS = 3.0
"""For the way to it, and for a part of its answer; `eco2.whole_answer` has the end of all of it."""

AT_ONCE = 4
"""Questions of one kind at the same time, each on a connection of its own."""
NOW = "vector(time())"
OK = 200
PERCENT = 100


class PrometheusError(Exception):
    """No usable answer; the message says why and what to check."""


@dataclass(frozen=True)
class Requests:
    """Requests of one service in the window.

    Attributes:
        total: All by version: `v1`, `v2`, and `unknown` for those that reached no pod.
        failed: Of these, the ones that ended with a server error, by version.
        window_seconds: How long the window is.
    """

    total: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, float] = field(default_factory=dict)
    window_seconds: int = WINDOW_SECONDS

    @property
    def count(self) -> int:
        """Requests that a pod answered."""
        return round(sum(self.total.get(version, 0) for version in (STABLE_VERSION, CANARY_VERSION)))

    @property
    def lost(self) -> int:
        """Requests that reached no pod."""
        known = (STABLE_VERSION, CANARY_VERSION)
        return round(sum(count for version, count in self.total.items() if version not in known))

    def canary_share(self, enough: int = ENOUGH_REQUESTS) -> float | None:
        """The canary's part in per cent; None: not enough requests to say."""
        if self.count < enough:
            return None
        answered = sum(self.total.get(version, 0) for version in (STABLE_VERSION, CANARY_VERSION))
        return PERCENT * self.total.get(CANARY_VERSION, 0) / answered

    def failed_share(self, version: str, enough: int = ENOUGH_REQUESTS) -> float | None:
        """The part of a version's requests that failed, in per cent; None: not enough requests to say.

        What reached no pod belongs to no version: see `lost`.
        """
        total = self.total.get(version, 0)
        if round(total) < enough:
            return None
        return min(PERCENT * self.failed.get(version, 0) / total, float(PERCENT))


class Prometheus:
    """A Prometheus, or what answers its HTTP API."""

    def __init__(self, url: str) -> None:
        """Prepares; nothing is asked yet.

        Args:
            url: Its base: `http://127.0.0.1:9090`.

        Raises:
            PrometheusError: If this is no URL, or one of which nobody can tell what in it is secret.
        """
        if why := prometheus_url.wrong(url):
            raise PrometheusError(f"{prometheus_url.named(url, URL_VARIABLE)} {why}")
        self._url = url.rstrip("/")
        self._pool = pool(TIMEOUT_SECONDS, 3 * AT_ONCE)

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Asks for the values of an expression now: labels and value of each; NaN is left out.

        Raises:
            PrometheusError: If there is no usable answer.
        """
        found = self._ask(expression, lambda data, _: prometheus_answers.values(data))
        return [one for one in found if not math.isnan(one[1])]

    def whole(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The same with NaN, where a part is worse than nothing.

        Raises:
            PrometheusError: If there is no usable answer, or it warns that it may be a part.
        """
        return self._ask(expression, lambda data, _: prometheus_answers.values(data), partial=False)

    def clock(self) -> tuple[float, float]:
        """The time that its answers are of, and the time at which its server answers; the same where that is not told.

        Raises:
            PrometheusError: If there is no usable answer.
        """
        return self._ask(NOW, prometheus_answers.clock)

    def samples(self, expression: str) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Asks for what was scraped: labels of each series, and time and value of its samples, oldest first.

        Args:
            expression: Ends with a range: `istio_requests_total[90s]`.

        Raises:
            PrometheusError: If there is no usable answer, or it warns that it may be a part.
        """
        return self._ask(expression, lambda data, _: prometheus_answers.samples(data), partial=False)

    def _ask(
        self,
        expression: str,
        read: Callable[[Mapping[str, Any], Mapping[str, str]], T],
        *,
        partial: bool = True,
    ) -> T:
        at = f"Prometheus at {without_login(self._url)}"
        try:
            answer = whole_answer(self._pool, f"{self._url}/api/v1/query", {"query": expression})
            decoded: dict[str, Any] = json.loads(answer.body)
            if answer.status != OK or decoded.get("status") != "success":
                raise PrometheusError(f"{at} refused: {decoded.get('error', f'HTTP {answer.status}')}")
            if not partial and (warnings := prometheus_answers.warnings(decoded)):
                raise PrometheusError(f"{at} warns that its answer may lack something: {warnings}")
            return read(decoded["data"], answer.headers)
        except urllib3.exceptions.HTTPError as error:
            raise PrometheusError(f"{at} does not answer ({without_login(_in_words(error))})") from None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            raise PrometheusError(f"{at} answers something else; is that the URL of a Prometheus?") from None

    def requests(
        self, services: Mapping[str, ServiceSpec], window_seconds: int = WINDOW_SECONDS
    ) -> dict[str, Requests]:
        """Counts the requests of some services by version.

        Args:
            services: What the services are, by name; workers get no requests and are left out.
            window_seconds: How far back.

        Raises:
            PrometheusError: If there is no usable answer.
        """
        found: dict[str, Requests] = {}
        for grpc, chosen in by_reporter(services).items():
            total, failed = (
                self._by_version(increase(chosen, window_seconds, grpc=grpc, failed=only_failed))
                for only_failed in (False, True)
            )
            for name, service in chosen.items():
                key = (name, service.namespace)
                found[name] = Requests(total.get(key, {}), failed.get(key, {}), window_seconds)
        return found

    def _by_version(self, expression: str) -> dict[tuple[str, str], dict[str, float]]:
        counts: dict[tuple[str, str], dict[str, float]] = {}
        for labels, value in self.query(expression):
            key = (
                labels.get("destination_service_name", ""),
                labels.get("destination_service_namespace", ""),
            )
            of = counts.setdefault(key, {})
            version = labels.get("destination_version") or "unknown"
            of[version] = of.get(version, 0) + value
        return counts


def _in_words(error: urllib3.exceptions.HTTPError) -> str:
    text = str(getattr(error, "reason", None) or error)
    return text.rsplit(": ", 1)[-1]

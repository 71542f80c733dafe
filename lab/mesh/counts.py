"""Stands in for a Prometheus that scrapes Istio's proxies: `python -m lab.mesh.counts PORT ADMIN_SOCKET...`.

The public Envoy has none of Istio's filters, so it counts requests by cluster and not by workload. A
cluster's name holds service, namespace and subset, though, so `istio_requests_total` as callers report it
can be told from that; of a subset that holds both versions each pod's own counters tell, and the workload that
istiod names beside its address. It answers sums of its increase at `/api/v1/query`, and refuses every other question.
Two things differ from the real ones: calls to the gateway's ext_authz filter are not there, since its
cluster has no subset, and neither are requests for which there was no route.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from lab.mesh.admin import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRAPE_SECONDS = 1.0
KEPT_SECONDS = 600
PATH = "/api/v1/query"
FILTER = r"^cluster\.outbound.*upstream_rq_[0-9]+$"
STAT = re.compile(
    r"cluster\.outbound\|\d+\|(stable|canary)\|([\w-]+)\.([\w-]+)\.svc\.cluster\.local;?\.upstream_rq_(\d{3})"
)
BOTH = re.compile(r"outbound\|\d+\|canary-or-stable\|([\w-]+)\.([\w-]+)\.svc\.cluster\.local;?")
WORKLOAD_VERSION = 3
"""The place of the version in `WORKLOAD;NAMESPACE;SERVICE;VERSION;CLUSTER`."""
CODES = {"rq_success": "200", "rq_error": "500"}
"""An Envoy counts a pod's answers by no more than that."""
QUESTION = re.compile(r"sum by \(([\w, ]+)\) \(increase\(istio_requests_total\{(.*)\}\[(\d+)s\]\)\)")
MATCHER = re.compile(r'(\w+)=~?"([^"]*)"')
VERSIONS = {"stable": "v1", "canary": "v2"}
LABELS = (
    "reporter",
    *(f"destination_{part}" for part in ("service_name", "service_namespace", "version")),
    "response_code",
)
Labels = tuple[tuple[str, str], ...]


def scrape(admin: Path) -> Counter[Labels]:
    """The counters of an Envoy as Istio would label them; empty if it does not answer."""
    stats = _asked(admin, f"/stats?format=json&filter={FILTER}").get("stats", ())
    found: Counter[Labels] = Counter()
    for stat in stats:
        if named := STAT.fullmatch(stat.get("name", "")):
            subset, service, namespace, code = named.groups()
            found[_labels(VERSIONS[subset], service, namespace, code)] += stat["value"]
    return found


class Pods:
    """The counters of the pods of subsets that hold both versions. A pod that goes takes its own along."""

    def __init__(self) -> None:
        self._last: Counter[tuple[Labels, str]] = Counter()
        self._sums: Counter[Labels] = Counter()

    def scrape(self, admin: Path) -> Counter[Labels]:
        """Their sums so far, pods that went included."""
        versions = dict(
            _versions(_asked(admin, "/config_dump?include_eds&resource=dynamic_endpoint_configs"))
        )
        seen: Counter[tuple[Labels, str]] = Counter()
        for cluster in _asked(admin, "/clusters?format=json").get("cluster_statuses", ()):
            named = BOTH.fullmatch(cluster["name"])
            for host in cluster.get("host_statuses", ()) if named else ():
                address = _address(host["address"])
                for stat in host["stats"]:
                    if named and stat["name"] in CODES and address in versions:
                        labels = _labels(versions[address], named[1], named[2], CODES[stat["name"]])
                        seen[labels, f"{admin} {address}"] += int(stat.get("value", 0))
        for key, value in seen.items():
            self._sums[key[0]] += value - (self._last[key] if self._last[key] <= value else 0)
        self._last.update({key: value - self._last[key] for key, value in seen.items()})
        return Counter(self._sums)


def _asked(admin: Path, question: str) -> dict[str, Any]:
    """What an Envoy answers; empty if it does not."""
    try:
        return ask(admin, question, SCRAPE_SECONDS)
    except (OSError, ValueError):
        return {}


def _labels(version: str, service: str, namespace: str, code: str) -> Labels:
    return tuple(zip(LABELS, ("source", service, namespace, version, code), strict=True))


def _versions(dump: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The version of each pod, by its address."""
    for config in dump.get("configs", ()):
        for locality in config.get("endpoint_config", {}).get("endpoints", ()):
            for one in locality.get("lb_endpoints", ()):
                workload = (
                    one.get("metadata", {}).get("filter_metadata", {}).get("istio", {}).get("workload", "")
                )
                parts = workload.split(";")
                if len(parts) > WORKLOAD_VERSION:
                    yield _address(one["endpoint"]["address"]), parts[WORKLOAD_VERSION]


def _address(address: dict[str, Any]) -> str:
    socket_address = address.get("socket_address", {})
    return f"{socket_address.get('address')}:{socket_address.get('port_value')}"


class Counts:
    """The counters of the last minutes."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, Counter[Labels]]] = deque()

    def add(self, at: float, counters: Counter[Labels]) -> None:
        """Keeps what was scraped at a time."""
        self._kept.append((at, counters))
        while self._kept[0][0] < at - KEPT_SECONDS:
            self._kept.popleft()

    def answer(self, expression: str) -> list[dict[str, Any]]:
        """The value of an expression now.

        Raises:
            ValueError: In words, if it is not of the one form.
        """
        asked = QUESTION.fullmatch(expression.strip())
        if asked is None:
            raise ValueError(
                f"the lab answers sum by (...) (increase(istio_requests_total{{...}}[60s])) at {PATH} only"
            )
        by, matchers = [one.strip() for one in asked[1].split(",")], MATCHER.findall(asked[2])
        if not self._kept:
            return []
        now, last = self._kept[-1]
        first = next(counters for at, counters in self._kept if at >= now - int(asked[3]))
        sums: Counter[Labels] = Counter()
        for labels, value in last.items():
            known = dict(labels)
            # A name alone is a pattern, too.
            if all(re.fullmatch(text, known.get(name, "")) for name, text in matchers):
                # A counter that fell was started anew.
                before = first[labels] if first[labels] <= value else 0
                sums[tuple((name, known.get(name, "")) for name in by)] += value - before
        return [{"metric": dict(labels), "value": [now, str(value)]} for labels, value in sums.items()]


def serve(counts: Counts, port: int) -> ThreadingHTTPServer:
    """Opens the API on a loopback port; the caller lets it run."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the server's name
            asked = urlsplit(self.path)
            expression = parse_qs(asked.query).get("query", [""])[0] if asked.path == PATH else ""
            try:
                found = counts.answer(expression)
                status, told = 200, {"status": "success", "data": {"resultType": "vector", "result": found}}
            except ValueError as error:
                status, told = 400, {"status": "error", "errorType": "bad_data", "error": str(error)}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: Any) -> None:
            """Says nothing of each request."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Entry point."""
    port, *sockets = sys.argv[1:]
    counts = Counts()
    threading.Thread(target=serve(counts, int(port)).serve_forever, daemon=True).start()
    pods = {one: Pods() for one in sockets}
    while True:
        counters: Counter[Labels] = Counter()
        for one in sockets:
            counters.update(scrape(Path(one)))
            counters.update(pods[one].scrape(Path(one)))
        counts.add(time.time(), counters)
        time.sleep(SCRAPE_SECONDS)


if __name__ == "__main__":
    main()

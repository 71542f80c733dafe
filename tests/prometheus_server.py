"""A Prometheus of a few lines: it holds samples, and answers the questions that the judge asks."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Labels = tuple[tuple[str, str], ...]
RANGE = re.compile(r"(\w+)\{(.*?)\}\[(\d+)s\]")
SUM = re.compile(r"sum by \(([\w,]+)\) \((.*)\)")
AGE = re.compile(r"time\(\) - max by \(([\w,]+)\) \(timestamp\((\w+)\{(.*)\}\)\)")
LOOKBACK_SECONDS = 300
QUANTILE = re.compile(r"histogram_quantile\(([\d.]+), ")
MATCHER = re.compile(r'(\w+)(=~?)"([^"]*)"')


@dataclass
class Series:
    """What was scraped: samples by labels, and the time by the server's own clock."""

    now: float = 1_000_000.0
    samples: dict[Labels, list[tuple[float, float]]] = field(default_factory=dict)

    def scrape(self, at: float, value: float, **labels: str) -> None:
        """Takes a sample down."""
        self.samples.setdefault(tuple(sorted(labels.items())), []).append((at, value))

    def chosen(self, name: str, matchers: str, seconds: int) -> dict[Labels, list[tuple[float, float]]]:
        """The samples of a range selector."""
        found = {}
        for labels, samples in self.samples.items():
            known = dict(labels)
            wanted = [("__name__", "=", name), *MATCHER.findall(matchers)]
            within = [(at, value) for at, value in samples if self.now - seconds < at <= self.now]
            if within and all(_matches(known.get(key, ""), how, text) for key, how, text in wanted):
                found[labels] = within
        return found

    def answer(self, expression: str) -> tuple[str, list[Any]]:
        """The type and the result of an expression."""
        if expression == "vector(time())":
            return "vector", [{"metric": {}, "value": [self.now, str(self.now)]}]
        if QUANTILE.match(expression):
            return "vector", []
        if summed := SUM.fullmatch(expression):
            sums: dict[Labels, float] = {}
            series: dict[Labels, list[tuple[float, float]]] = {}
            for name, matchers, seconds in RANGE.findall(summed[2]):
                series |= self.chosen(name, matchers, int(seconds))
            for labels, samples in series.items():
                kept = tuple((key, dict(labels).get(key, "")) for key in summed[1].split(","))
                sums[kept] = sums.get(kept, 0.0) + samples[-1][1] - samples[0][1]
            return "vector", [
                {"metric": dict(labels), "value": [self.now, str(value)]} for labels, value in sums.items()
            ]
        if aged := AGE.fullmatch(expression):
            ages: dict[Labels, float] = {}
            for labels, samples in self.chosen(aged[2], aged[3], LOOKBACK_SECONDS).items():
                kept = tuple((key, dict(labels).get(key, "")) for key in aged[1].split(","))
                ages[kept] = min(ages.get(kept, self.now), self.now - samples[-1][0])
            return "vector", [
                {"metric": dict(labels), "value": [self.now, str(age)]} for labels, age in ages.items()
            ]
        asked = RANGE.fullmatch(expression)
        if asked is None:
            raise ValueError(f"no answer to {expression}")
        matrix = self.chosen(asked[1], asked[2], int(asked[3]))
        return "matrix", [
            {"metric": dict(labels), "values": [[at, str(value)] for at, value in samples]}
            for labels, samples in matrix.items()
        ]


def _matches(value: str, how: str, text: str) -> bool:
    return bool(re.fullmatch(text, value)) if how == "=~" else value == text


class PrometheusServer:
    """Serves `series` on loopback.

    Attributes:
        series: What it holds.
        told: Answers of its own to some expressions: values, or a status and a body.
        broken: A status and a body for every question; None: it answers.
        slow: Questions that wait for an event before they are answered.
        lag_seconds: By how much its answers are late.
        asked: The questions so far.
    """

    def __init__(self) -> None:
        """Begins to listen."""
        self.series = Series()
        self.told: dict[str, list[float] | tuple[int, bytes]] = {}
        self.broken: tuple[int, bytes] | None = None
        self.lag_seconds = 0.0
        self.slow: dict[str, threading.Event] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = outer._answer(parse_qs(urlsplit(self.path).query)["query"][0])
                self.send_response_only(status)
                self.send_header("Date", formatdate(outer.series.now + outer.lag_seconds, usegmt=True))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing of each request."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _answer(self, expression: str) -> tuple[int, bytes]:
        self.asked.append(expression)
        if expression in self.slow:
            self.slow[expression].wait()
        told = self.broken or self.told.get(expression)
        if isinstance(told, tuple):
            return told
        if told is not None:
            kind, result = "vector", [{"metric": {}, "value": [0, str(one)]} for one in told]
        else:
            try:
                kind, result = self.series.answer(expression)
            except ValueError as error:
                return 400, json.dumps({"status": "error", "error": str(error)}).encode()
        data = {"resultType": kind, "result": result}
        return 200, json.dumps({"status": "success", "data": data}).encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Mesh:
    """Proxies that count requests, and that the server scrapes now and then.

    Attributes:
        series: What the server holds.
        every: Seconds between two scrapes of a proxy.
        offsets: Seconds after which a proxy is scraped first, by its pod.
        silent: The proxies that no scrape reaches.
        counters: What each proxy has counted.
    """

    def __init__(self, series: Series, every: float = 15.0, **offsets: float) -> None:
        """Nothing is counted yet; what is scraped, with which offset, is given by pod."""
        self.series, self.every = series, every
        self.offsets = offsets or {"gateway": 0.0}
        self.silent: set[str] = set()
        self.counters: dict[str, dict[Labels, float]] = {proxy: {} for proxy in self.offsets}

    def count(
        self, version: str, number: float, code: str = "200", proxy: str = "gateway", **more: str
    ) -> None:
        """Counts requests that a proxy saw answered."""
        self._add(proxy, number, __name__="istio_requests_total", response_code=code, **_of(version, more))

    def take(
        self, version: str, milliseconds: float, number: float, proxy: str = "gateway", **more: str
    ) -> None:
        """Counts them in the histogram of how long they took."""
        for end in ("10", "25", "50", "100", "+Inf"):
            there = number if milliseconds <= float(end) else 0
            name = "istio_request_duration_milliseconds_bucket"
            self._add(proxy, there, __name__=name, le=end, response_code="200", **_of(version, more))

    def restart(self, proxy: str = "gateway") -> None:
        """Begins all counters of a proxy anew."""
        self.counters[proxy] = dict.fromkeys(self.counters[proxy], 0.0)

    def wait(self, seconds: float) -> None:
        """Lets time pass; scrapes that are due are made with what is counted by now."""
        began, self.series.now = self.series.now, self.series.now + seconds
        for proxy, offset in self.offsets.items():
            if proxy in self.silent:
                continue
            # Of several that are due only the last is made.
            at = (self.series.now - offset) // self.every * self.every + offset
            for labels, value in self.counters[proxy].items() if at > began else ():
                self.series.samples.setdefault(labels, []).append((at, value))

    def _add(self, proxy: str, number: float, **labels: str) -> None:
        target = {"pod": proxy, "namespace": "istio-system", "job": "mesh", "instance": f"{proxy}:15020"}
        key = tuple(sorted({**target, **labels}.items()))
        self.counters[proxy][key] = self.counters[proxy].get(key, 0.0) + number


def _of(version: str, more: dict[str, str]) -> dict[str, str]:
    service = {"destination_service_name": "auth-api", "destination_service_namespace": "auth"}
    return {"reporter": "source", **service, "destination_version": version, **more}

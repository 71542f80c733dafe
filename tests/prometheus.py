"""Between a command and the lab's Prometheus: one that lags, talks nonsense, is slow or does not answer."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import urllib3

NONSENSE = b"<html>It works!</html>"
NOW = "vector(time())"
"""What asks for its clock alone."""

STATUS = {"status": "success", "data": {"resultType": "vector", "result": []}}
"""What is right in form and holds nothing."""


@dataclass
class Between:
    """A server that hands questions on, worse than they came; what it does may change at any time.

    Attributes:
        behind: The Prometheus' URL.
        lag_seconds: Answers are as of so long ago.
        slow_seconds: How long it thinks.
        nonsense: Whether it answers with something else.
        says: What it answers to everything, whatever that is: status and body.
        data_lag_seconds: Its data are so old, while its clock is right: what it gets comes late. Longer than any range
            that is asked for.
        empty: Whether it has no data.
        away: Whether it ends connections without an answer.
        asked: The questions so far.
    """

    behind: str
    lag_seconds: float = 0.0
    slow_seconds: float = 0.0
    nonsense: bool = False
    says: tuple[int, bytes] | None = None
    data_lag_seconds: float = 0.0
    empty: bool = False
    away: bool = False
    asked: list[str] = field(default_factory=list)
    _server: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        between, pool = self, urllib3.PoolManager(retries=False, timeout=30)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(dict(parse_qsl(urlsplit(self.path).query)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self._answer(dict(parse_qsl(body.decode())))

            def _answer(self, asked: dict[str, str]) -> None:
                between.asked.append(asked.get("query", ""))
                time.sleep(between.slow_seconds)
                answer = between._answer_to(urlsplit(self.path).path, asked, pool)
                if answer is None:
                    self.close_connection = True
                    return
                status, told = answer
                self.send_response(status)
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def _answer_to(
        self, path: str, asked: dict[str, str], pool: urllib3.PoolManager
    ) -> tuple[int, bytes] | None:
        """Status and body of an answer; None ends the connection without one."""
        if self.away:
            return None
        if self.says or self.nonsense:
            return self.says or (200, NONSENSE)
        if self.empty:
            return 200, json.dumps(STATUS).encode()
        lag, query = self.lag_seconds, asked.get("query", "")
        if self.data_lag_seconds and query != NOW:
            if query.endswith("s]"):  # what was scraped in a time that is shorter than the lag
                return 200, json.dumps(STATUS).encode()
            asked["query"] = query.replace("time()", f"(time() + {self.data_lag_seconds})")
            lag += self.data_lag_seconds
        if lag:
            asked["time"] = f"{float(asked.get('time', time.time())) - lag:.3f}"
        try:
            answer = pool.request("GET", f"{self.behind}{path}?{urlencode(asked)}")
        except urllib3.exceptions.HTTPError:  # it is away itself
            return None
        return answer.status, answer.data

    def refuse(self) -> None:
        """From now on connections are refused: nobody listens there any more."""
        self._server.shutdown()
        self._server.server_close()

    def __exit__(self, *_: object) -> None:
        self.refuse()

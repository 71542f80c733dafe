"""An HTTP answer that has an end: one that comes byte by byte, or never stops, is an error as one that never comes.

urllib3's timeout is that of each read, so that a server with a byte a second keeps its caller for ever.
"""

from __future__ import annotations

import http.client
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

WHOLE_SECONDS: Final = 5.0
"""For all of an answer, from its question on: status, headers, and body."""

MIB: Final = 2**20
MOST_BYTES: Final = 64 * MIB
"""A series with the samples of a look is less than 1 kB, so this holds more than the proxies of any large mesh have.
Parsed it takes ten times as much, which a runner of a workflow still has."""

CHUNK_BYTES: Final = MIB


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        status: The HTTP status.
        headers: Its headers.
        body: All of its body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def pool(timeout_seconds: float, at_once: int) -> urllib3.PoolManager:
    """Connections for `whole_answer`.

    Args:
        timeout_seconds: For the way to the server, and for each read.
        at_once: How many connections are kept.
    """
    made = urllib3.PoolManager(retries=False, timeout=timeout_seconds, maxsize=at_once)
    made.pool_classes_by_scheme = {"http": _Http, "https": _Https}
    return made


def whole_answer(connections: urllib3.PoolManager, url: str, fields: Mapping[str, str]) -> Answer:
    """Asks for a URL.

    Args:
        connections: Those of `pool`.
        url: What to ask.
        fields: The query.

    Raises:
        urllib3.exceptions.HTTPError: If there is no answer, or no end of it in time, or it is too large.
    """
    answer = connections.request("GET", url, fields=dict(fields), preload_content=False)
    try:
        body = bytearray()
        while part := answer.read(CHUNK_BYTES):
            body += part
            if len(body) > MOST_BYTES:
                raise urllib3.exceptions.HTTPError(f"its answer is larger than {MOST_BYTES // MIB} MiB")
        return Answer(answer.status, answer.headers, bytes(body))
    finally:
        # One that was read to its end has given its connection back already.
        answer.close()


class _InTime(io.RawIOBase):
    """What comes from a socket until the time is over."""

    def __init__(self, raw: io.RawIOBase, line: socket.socket) -> None:
        self._raw, self._line = raw, line
        self._each = line.gettimeout() or WHOLE_SECONDS
        self._end = time.monotonic() + WHOLE_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer has no end")
        self._line.settimeout(min(left, self._each))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Headers are read by it, too; so the time is held where it reads."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_InTime(self.fp.detach(), sock))


class _HttpLine(HTTPConnection):
    response_class = _Response


class _HttpsLine(HTTPSConnection):
    response_class = _Response


class _Http(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpLine


class _Https(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsLine

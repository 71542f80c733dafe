"""Asking an Envoy about itself, at the unix socket of its administration."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("envoy", timeout=seconds)
        self._path, self._seconds = path, seconds

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._seconds)
        self.sock.connect(str(self._path))


def ask(admin: Path, question: str, seconds: float) -> dict[str, Any]:
    """What an Envoy answers.

    Args:
        admin: The socket.
        question: A path of its administration that answers JSON, with its query.
        seconds: How long it may take.

    Raises:
        OSError: If it does not answer.
        ValueError: If the answer is no JSON.
    """
    connection = _UnixConnection(admin, seconds)
    try:
        connection.request("GET", question)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
    except HTTPException as error:
        raise OSError(f"{admin}: {error!r}") from error
    finally:
        connection.close()
    return found

"""Requests to an API server: over the standard library where that will do, else by the official client."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode, urlsplit

from kube.kubeconfig import KubeconfigError, UnknownWayError, access, acting_as, way_on
from kube.waiting import told_if_slow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.kubeconfig import Access

TIMEOUT_SECONDS = 10
"""For each read and write."""
WHOLE_SECONDS = 30
"""For all of an answer, which a proxy on the way may let drip: no way back waits for that."""
CHUNK_BYTES = 2**16
UNAUTHORIZED = 401


class NoAnswerError(Exception):
    """The server does not answer; the message says why.

    Attributes:
        cut_off: Whether it had taken the connection and ended it.
    """

    def __init__(self, why: str, *, cut_off: bool = False) -> None:
        """Says why."""
        super().__init__(why)
        self.cut_off = cut_off


@dataclass(frozen=True)
class ApiRequest:
    """One request.

    Attributes:
        method: HTTP's word.
        path: The path without a query.
        query: The query's keys and values.
        headers: Beside those of the connection itself.
        body: What is sent, as JSON.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None = None


class Connection(Protocol):
    """Sends requests to one API server; may be used by several threads."""

    def send(self, request: ApiRequest) -> tuple[int, bytes]:
        """Sends a request; the status and the answer.

        Raises:
            NoAnswerError: If nothing answers.
        """


def connect(context: str) -> Connection:
    """Prepares the way to the cluster of a context; nothing is sent yet.

    Raises:
        KubeconfigError: If the kubeconfig does not lead there.
    """
    try:
        return Direct(context, access(context))
    except UnknownWayError as error:
        try:
            return Official(context)
        except ImportError:
            # It belongs to the command line; a program's own environment may do without.
            raise KubeconfigError(
                f"the kubeconfig's context {context} asks for what only the official client can do ({error}), "
                "and that is not installed here: pip install kubernetes"
            ) from None


class Direct:
    """HTTP over the standard library, one connection a thread."""

    def __init__(self, context: str, to: Access) -> None:
        """Prepares; nothing is sent yet."""
        self._context, self._to = context, to
        self._own = threading.local()

    def send(self, request: ApiRequest) -> tuple[int, bytes]:
        """Sends a request; again with new credentials if they have expired."""
        status, answer = self._reconnecting(request)
        if status == UNAUTHORIZED:
            self._to = access(self._context)
            status, answer = self._reconnecting(request)
        return status, answer

    def _reconnecting(self, request: ApiRequest) -> tuple[int, bytes]:
        # A server may have ended a connection that was idle; what is sent here can be sent twice.
        attempts = 1 if getattr(self._own, "line", None) is None else 2
        while True:
            attempts -= 1
            try:
                return self._once(request)
            except (OSError, http.client.HTTPException) as error:
                self._forget()
                if not attempts:
                    cut_off = isinstance(error, (ConnectionError, http.client.HTTPException))
                    cut_off &= not isinstance(error, ConnectionRefusedError)
                    raise NoAnswerError(str(error) or type(error).__name__, cut_off=cut_off) from None

    def _once(self, request: ApiRequest) -> tuple[int, bytes]:
        place = urlsplit(self._to.server)
        if getattr(self._own, "line", None) is None:
            self._own.line = self._open(place.hostname or "", place.port)
        line: http.client.HTTPConnection = self._own.line
        token = [("Authorization", f"Bearer {self._to.token}")] if self._to.token else []
        query = f"?{urlencode(request.query)}" if request.query else ""
        body = json.dumps(request.body).encode() if request.body is not None else None
        line.putrequest(request.method, f"{place.path}{request.path}{query}")
        # One after the other: of whom a user acts as, a header may come several times.
        for name, value in (*request.headers.items(), *token, *self._to.acting_as):
            line.putheader(name, value)
        if body is not None:
            line.putheader("Content-Length", str(len(body)))
        line.endheaders(body)
        answer = line.getresponse()
        return answer.status, _whole(answer)

    def _open(self, host: str, port: int | None) -> http.client.HTTPConnection:
        if self._to.tls is None:
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=self._to.tls)

    def _forget(self) -> None:
        if (line := getattr(self._own, "line", None)) is not None:
            line.close()
        self._own.line = None


def _whole(answer: http.client.HTTPResponse) -> bytes:
    """All of an answer's body.

    Raises:
        TimeoutError: If it does not come to an end.
        http.client.HTTPException: If it is cut off.
    """
    end = time.monotonic() + WHOLE_SECONDS
    body = bytearray()
    while part := answer.read1(CHUNK_BYTES):
        body += part
        if time.monotonic() > end:
            raise TimeoutError(f"its answer has not ended after {WHOLE_SECONDS} s")
    if answer.length:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    answer.close()  # frees the connection for the next request
    return bytes(body)


class Official:
    """The official client, for what only it can do."""

    def __init__(self, context: str) -> None:
        """Prepares; nothing is sent yet.

        Raises:
            KubeconfigError: If the client cannot use the context.
        """
        from kubernetes import config  # noqa: PLC0415  # 0.7 s

        self._acting_as = acting_as(context)
        try:
            # It looks at KUBECONFIG once, when it is imported.
            files = os.environ.get("KUBECONFIG") or None
            with told_if_slow(f"waiting for the credentials of context {context}; {way_on('')}"):
                self._api = config.new_client_from_config(files, context)  # type: ignore[no-untyped-call]
        except (config.ConfigException, OSError) as error:
            raise KubeconfigError(f"the kubeconfig's context {context} cannot be used: {error}") from None
        except Exception as error:  # noqa: BLE001  # it looks at no shape, and fails as it happens
            what = f"the official client cannot read it ({type(error).__name__}: {error})"
            raise KubeconfigError(f"the kubeconfig's context {context} cannot be used: {what}") from None
        names = [name for name, _ in self._acting_as]
        told = self._api.configuration
        if told.proxy and told.host.startswith("http://") and len(names) > len(set(names)):
            # On the way to such a proxy the client makes one header of several.
            what = "its user acts as one of several groups, which cannot be said to a proxy over plain HTTP"
            raise KubeconfigError(f"the kubeconfig's context {context} cannot be used: {what}")

    def send(self, request: ApiRequest) -> tuple[int, bytes]:
        """Sends a request."""
        import urllib3  # noqa: PLC0415
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415

        method, url, headers, *rest = self._api.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query.items()),
            header_params=dict(request.headers),
            body=dict(request.body) if request.body is not None else None,
            auth_settings=["BearerToken"],
        )
        headers = urllib3.HTTPHeaderDict(headers)
        for name, value in self._acting_as:
            headers.add(name, value)
        try:
            answer = self._api.call_api(method, url, headers, *rest, _request_timeout=TIMEOUT_SECONDS)
            return int(answer.status), bytes(answer.read())
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            cut_off = isinstance(error, urllib3.exceptions.ProtocolError)
            raise NoAnswerError(str(getattr(error, "reason", error)), cut_off=cut_off) from None

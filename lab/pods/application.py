"""The program inside a pod: answers HTTP, event streams and ext_authz, calls on, and says who answered."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from aiohttp import web

from lab.pods import behaviour as behaving
from lab.pods import chain
from lab.pods.authorization import allowed, user_of
from lab.pods.silence import Silence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from lab.pods.requests import Outcome

STREAM_SECONDS = 60.0
EVENT_SECONDS = 1.0
VERSION_HEADER = "x-version"
SERVING = b"\x08\x01"
"""`grpc.health.v1.HealthCheckResponse` with status SERVING."""


@dataclass
class Application:
    """The process of one pod.

    Attributes:
        address: The pod's address.
        ports: Number and name of each port; a name that starts with `grpc` speaks gRPC.
        who: What it says of itself: service, version, image, pod.
        behaviour: How it behaves at the moment.
        counted: Counts a call by gRPC.
    """

    address: str
    ports: dict[int, str]
    who: dict[str, str]
    behaviour: Callable[[], behaving.Behaviour]
    counted: Callable[[], AbstractContextManager[Outcome]]
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.ServerRunner | None = None
    _grpc: Any = None
    _silences: list[Silence] = field(default_factory=list)

    async def listen(self) -> None:
        """Opens the ports.

        Raises:
            OSError: If an address cannot be bound.
        """
        if self._http_ports:
            server = web.Server(self._answer, access_log=None)
            self._runner = web.ServerRunner(server, handle_signals=False)
            await self._runner.setup()
            await self._take_connections(self._runner)
        for port in self.ports.keys() - set(self._http_ports):
            self._grpc = grpc.aio.server()
            self._grpc.add_generic_rpc_handlers((_Calls(self),))
            self._grpc.add_insecure_port(f"{self.address}:{port}")
            await self._grpc.start()

    def anew(self) -> Application:
        """The process that starts where this one has ended."""
        return Application(self.address, self.ports, self.who, self.behaviour, self.counted)

    async def be_silent(self, *, silent: bool) -> None:
        """Takes no connection and answers nobody, or takes up work again. What speaks gRPC only stops to answer."""
        if silent == bool(self._silences) or self._runner is None:
            return
        for one in self._silences:
            one.end()
        self._silences = []
        if not silent:
            await self._take_connections(self._runner)
            return
        for site in list(self._runner.sites):
            await site.stop()
        self._silences = [Silence(self.address, port) for port in self._http_ports]

    @property
    def _http_ports(self) -> list[int]:
        return [port for port, name in self.ports.items() if not name.startswith("grpc")]

    async def _take_connections(self, runner: web.ServerRunner) -> None:
        for port in self._http_ports:
            await web.TCPSite(runner, self.address, port, backlog=1024, shutdown_timeout=0).start()

    async def drain(self, grace_seconds: float) -> None:
        """Ends as after SIGTERM: takes no new connection, finishes what it has, up to a limit.

        What is not finished then is cut.
        """
        self.ending.set()
        for one in self._silences:
            one.end()
        work: list[Awaitable[None]] = []
        if self._runner is not None:
            server = self._runner.server
            for site in list(self._runner.sites):
                await site.stop()
            if server is not None:
                server.pre_shutdown()
                work.append(server.shutdown(max(grace_seconds, 0.01)))
        if (server := self._grpc) is not None:
            if grace_seconds <= 0:
                # A pod that is deleted by force ends and is cut at the same moment: two stops of a server without
                # grace would end this whole process (segmentation fault; grpcio 1.85).
                self._grpc = None
            work.append(asyncio.shield(asyncio.ensure_future(server.stop(grace_seconds))))
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*work, return_exceptions=True)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        behaviour = self.behaviour()
        headers = {VERSION_HEADER: self.who["version"]}
        if authorizer := request.headers.get("x-authorized-by"):
            headers["x-authorized-by"] = authorizer
        if self.ending.is_set():
            headers["connection"] = "close"
        if behaviour is not behaving.GOOD and behaving.strikes(behaviour):
            await asyncio.sleep(behaviour.slow_seconds)
            if behaviour.hang or behaviour.lost:
                await asyncio.sleep(3600)
            if behaviour.status != web.HTTPOk.status_code:
                return _told(self.who, behaviour.status, headers)
        if "/stream" in request.path:
            return await self._events(request, headers)
        if chain.QUERY in request.query:
            called = await chain.call_on(request)
            own = f"{self.who['service']}/{self.who['version']}"
            headers[chain.HEADER] = ",".join(filter(None, (own, called.chain)))
            told = {**self.who, "baggage": chain.received(request), "called": called.told}
            return _told(told, called.status, headers)
        return _told(self.who, web.HTTPOk.status_code, headers)

    async def _events(self, request: web.BaseRequest, headers: dict[str, str]) -> web.StreamResponse:
        """Sends an event a second for as long as asked (`?seconds=60`)."""
        seconds = float(request.query.get("seconds", STREAM_SECONDS))
        answer = web.StreamResponse(headers={**headers, "content-type": "text/event-stream"})
        await answer.prepare(request)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await answer.write(f"event: tick\ndata: {self.who['pod']}\n\n".encode())
            await asyncio.sleep(min(EVENT_SECONDS, left))
        await answer.write(b"event: end\ndata: end\n\n")
        await answer.write_eof()
        return answer


def _told(who: dict[str, Any], status: int, headers: dict[str, str]) -> web.Response:
    # The line ends: several answers of curl stand one below the other.
    body = json.dumps(who) + "\n"
    return web.Response(text=body, status=status, headers=headers, content_type="application/json")


class _Calls(grpc.GenericRpcHandler):
    """Health, and ext_authz that lets everybody in and says who did."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def service(self, details: Any) -> Any:
        """Finds the answer to a method."""
        version = self._application.who["version"]
        answers: dict[str, Callable[[bytes], bytes]] = {
            "/grpc.health.v1.Health/Check": lambda _: SERVING,
            "/envoy.service.auth.v3.Authorization/Check": lambda check: allowed(version, user_of(check)),
        }
        answer = answers.get(details.method)
        if answer is None:
            return None

        async def call(request: bytes, context: Any) -> bytes:
            behaviour = self._application.behaviour()
            with self._application.counted() as outcome:
                if behaviour is not behaving.GOOD and behaving.strikes(behaviour):
                    silent = behaviour.hang or behaviour.lost
                    await asyncio.sleep(3600 if silent else behaviour.slow_seconds)
                    if behaviour.status != web.HTTPOk.status_code:
                        outcome.answered(grpc.StatusCode.UNAVAILABLE.value[0])
                        # Before any header, as servers do: proxies count no status that comes in trailers.
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "told to fail")
                await context.send_initial_metadata(((VERSION_HEADER, self._application.who["version"]),))
                outcome.answered(grpc.StatusCode.OK.value[0])
                return answer(request)

        return grpc.unary_unary_rpc_method_handler(call)

"""What every stand-in plugin shares: serving, and values as plain Python.

A plugin is a subclass of `Plugin`. Values that the engine does not know yet arrive as the
string `UNKNOWN`; secrets arrive in clear, since the engine keeps track of them by itself
for plugins that do not ask to.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import status_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's mark of a value that is not known yet (pulumi `sdk/go/common/resource/plugin/rpc.go`)."""


class RefusedError(Exception):
    """An operation that cannot be done; the message is for the user."""


class NotReadyError(RefusedError):
    """Something was made but did not become ready; the engine keeps it and tries again next time."""

    def __init__(
        self, identity: str, properties: dict[str, Any], inputs: dict[str, Any], reasons: list[str]
    ) -> None:
        super().__init__("; ".join(reasons))
        self.detail = provider_pb2.ErrorResourceInitFailed(
            id=identity, properties=to_struct(properties), inputs=to_struct(inputs), reasons=reasons
        )


def to_python(properties: Any) -> dict[str, Any]:
    """Decodes the engine's properties; whole numbers are whole again."""
    decoded: dict[str, Any] = _whole(json_format.MessageToDict(properties))
    return decoded


def to_struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    """Encodes properties for the engine."""
    struct = struct_pb2.Struct()
    json_format.ParseDict(properties, struct)
    return struct


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def has_unknown(value: Any) -> bool:
    """Whether a value holds something that is not known yet."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return bool(value == UNKNOWN)


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The parts of the protocol that are the same for every plugin."""

    version = "0.0.0"

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self._engine: engine_pb2_grpc.EngineStub | None = None
        if len(sys.argv) > 1:
            self._attach(sys.argv[1])

    def _attach(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def progress(self, urn: str, message: str) -> None:
        """Shows a line beside a resource while it is worked on."""
        if self._engine is not None:
            request = engine_pb2.LogRequest(
                severity=engine_pb2.INFO, message=message, urn=urn, ephemeral=True
            )
            self._engine.Log(request)

    def Handshake(self, _request: Any, _context: Any) -> Any:  # noqa: N802  # the engine's names, here and below
        """Agrees to take plain values."""
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Takes the engine's address."""
        self._attach(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Tells the version that this stands in for."""
        return plugin_pb2.PluginInfo(version=self.version)

    def Cancel(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Ends what waits."""
        self.cancelled.set()
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Takes the provider's settings as they are."""
        return provider_pb2.CheckResponse(inputs=request.news)


def refuse(context: Any, error: Exception) -> None:
    """Ends a call with an error in words."""
    if isinstance(error, NotReadyError):
        detail = AnyMessage()
        detail.Pack(error.detail)
        status = status_pb2.Status(
            code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail]
        )
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))


def serve(plugin: Plugin) -> None:
    """Serves a plugin until ended."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=64), options=[("grpc.max_receive_message_length", -1)]
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    listen(server)


def listen(server: grpc.Server) -> None:
    """Serves on a free port until ended; prints the port first, as the engine asks of plugins."""
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for ending in (signal.SIGINT, signal.SIGTERM):
        # The engine waits 15 s for a plugin that ends politely.
        signal.signal(ending, lambda *_: os._exit(0))
    print(port, flush=True)
    engine = os.getppid()
    while server.wait_for_termination(timeout=1):
        # An engine that was killed cannot end its plugins. The kernel's own signal for that is of no use:
        # to the kernel a parent is a thread, and Go ends threads as it likes.
        if os.getppid() != engine:
            os._exit(0)

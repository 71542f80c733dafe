"""Pulumi's language host for Python, where the official one cannot be had.

It is the SDK's own server for inline programs, given a program that runs the project's
`__main__.py` as the official host would.
"""

from __future__ import annotations

import os
import runpy
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from lab.plugins.host import listen

VERSION = "3.259.0"


TOLD = 32
"""The exit code after which the official host adds nothing (pulumi
`sdk/python/cmd/pulumi-language-python/main.go`)."""


class EndedError(grpc.RpcError):
    """The program has ended itself; the SDK's server says nothing of an error of this code."""

    def code(self) -> grpc.StatusCode:
        """As when the engine has gone."""
        return grpc.StatusCode.UNAVAILABLE


class Host(LanguageServer):
    """Runs the program that a request names."""

    def __init__(self) -> None:
        super().__init__(self._run_program)
        self._main = Path("__main__.py")
        self._code: Any = None

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802  # the engine's name
        """Runs a program to its end."""
        os.chdir(request.pwd)
        self._main = Path(request.info.program_directory or request.pwd) / "__main__.py"
        self._code = None
        answer = super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK's has no types
        code = 1 if answer.error else self._code
        if code == TOLD:
            return language_pb2.RunResponse(bail=True)
        # What went wrong was logged where it happened; the official host says no more of it than this.
        told = f"program exited with non-zero exit code: {code}" if code else ""
        return language_pb2.RunResponse(error=told)

    def _run_program(self) -> None:
        sys.path.insert(0, str(self._main.parent))
        try:
            runpy.run_path(str(self._main), run_name="__main__")
        except SystemExit as end:
            self._code = end.code
            raise EndedError from None

    def Handshake(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Agrees to everything."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Tells the version."""
        return plugin_pb2.PluginInfo(version=VERSION)


def main() -> None:
    """Serves until ended."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", -1)]
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(), server)
    listen(server)


if __name__ == "__main__":
    main()

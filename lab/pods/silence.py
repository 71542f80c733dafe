"""An address that answers nobody, as that of a machine that is gone."""

from __future__ import annotations

import socket
from contextlib import suppress

FILLING = 2
"""Connections that fill a queue for none: one waits in it, and one is on its way."""


class Silence:
    """Takes the place of a listener: connections to it are never made, and never refused.

    The kernel drops what asks for a connection while the queue of those not yet accepted is full.
    """

    def __init__(self, address: str, port: int) -> None:
        """Begins it.

        Raises:
            OSError: If the address cannot be bound.
        """
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        self._sockets = [listener]
        for _ in range(FILLING):
            filling = socket.socket()
            filling.setblocking(False)
            with suppress(BlockingIOError):
                filling.connect((address, port))
            self._sockets.append(filling)

    def end(self) -> None:
        """Frees the address."""
        for one in self._sockets:
            one.close()

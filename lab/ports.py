"""Free loopback ports that stay free until whoever they are for listens there."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20000, 65535
"""Below are the ports that well-known servers have by custom."""
KERNELS_OWN = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL = (49152, 65535)
"""What the kernel gives by itself where it does not tell (macOS)."""


def free_ports(*names: str) -> dict[str, int]:
    """Free loopback ports, all different, one a name.

    As long as this process lives, no connection and no server that leaves the choice to the kernel gets one of them,
    and no other call does. Whoever names the port can listen there.
    """
    with ExitStack() as chosen:
        candidates = _candidates()
        sockets = {name: chosen.enter_context(_bound(candidates)) for name in names}
        ports = {name: one.getsockname()[1] for name, one in sockets.items()}
        for one in sockets.values():
            _keep(one)
        return ports


def _candidates() -> Iterator[int]:
    """Ports that the kernel does not give by itself, in any order; when all are taken, whatever it gives (0)."""
    first, last = _kernels_own()
    outside = [port for port in range(FIRST, LAST + 1) if not first <= port <= last]
    random.shuffle(outside)
    return chain(outside, repeat(0))


def _kernels_own() -> tuple[int, int]:
    """The first and the last port that connections and servers without a choice get."""
    try:
        first, last = KERNELS_OWN.read_text("ascii").split()
        return int(first), int(last)
    except (OSError, ValueError):
        return USUAL


def _bound(candidates: Iterator[int]) -> socket.socket:
    """A socket on the first port that nobody has; it is bound without sharing, so that all others count."""
    for port in candidates:
        one = socket.socket()
        try:
            one.bind((LOOPBACK, port))
        except OSError:
            one.close()
            if not port:
                raise
        else:
            return one
    raise AssertionError("the candidates do not end")


def _keep(one: socket.socket) -> None:
    """Keeps a port bound until this process ends, if others can listen there all the same.

    Linux lets a server with SO_REUSEADDR, which all the lab's have, listen where another such socket is bound and does
    not listen. Other kernels do not: there, only the choice of the port keeps others away from it.
    """
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(one.getsockname())
            server.listen()
        except OSError:
            return
    # Nothing closes a bare descriptor before the process ends.
    one.detach()

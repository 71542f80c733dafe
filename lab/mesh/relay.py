"""Carries connections over the border of the lab's network, where only files are shared.

`python -m lab.mesh.relay FROM=TO...`: FROM and TO are `tcp:ADDRESS:PORT` or `unix:PATH`.
`--delay SECONDS` holds everything that comes from TO back for a while, as a slow server would.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

CHUNK_BYTES = 65536
IN_FLIGHT_CHUNKS = 64
"""How much may be on the way before the sender is held back."""


async def _connect(end: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    kind, _, rest = end.partition(":")
    if kind == "unix":
        return await asyncio.open_unix_connection(rest)
    host, _, port = rest.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_seconds: float) -> None:
    """Copies until the end; one who has nothing more to say may still listen.

    The delay is that of a long way: what follows soon arrives soon after, and does not queue up.
    """
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT_CHUNKS)
    now = asyncio.get_running_loop().time

    async def take() -> None:
        data = b""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await on_the_way.put((now() + delay_seconds, data))
        await on_the_way.put((now() + delay_seconds, b""))

    taking = asyncio.create_task(take())
    with suppress(OSError):
        while (arrival := await on_the_way.get())[1]:
            await asyncio.sleep(max(0.0, arrival[0] - now()))
            writer.write(arrival[1])
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    taking.cancel()


async def serve(start: str, target: str, delay_seconds: float = 0.0) -> asyncio.AbstractServer:
    """Opens one way.

    Args:
        start: Where to listen.
        target: Where to connect for each connection that comes.
        delay_seconds: How long to hold answers back.

    Raises:
        OSError: If it cannot listen there.
    """

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await _connect(target)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, far_writer, 0.0), _pump(far_reader, writer, delay_seconds))
        finally:
            far_writer.close()
            writer.close()

    kind, _, rest = start.partition(":")
    if kind == "unix":
        Path(rest).unlink(missing_ok=True)  # noqa: ASYNC240  # once, before anything is served
        return await asyncio.start_unix_server(carry, rest)
    host, _, port = rest.rpartition(":")
    return await asyncio.start_server(carry, host, int(port), backlog=1024)


async def _run(arguments: list[str]) -> None:
    delay_seconds = 0.0
    if arguments[:1] == ["--delay"]:
        delay_seconds, arguments = float(arguments[1]), arguments[2:]
    ways = [argument.partition("=") for argument in arguments]
    servers = [await serve(start, target, delay_seconds) for start, _, target in ways]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1:]))

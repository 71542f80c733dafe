"""The relay that plays a long way to a server."""

from __future__ import annotations

import asyncio
import time

from lab.mesh.relay import serve

DELAY_SECONDS = 0.5
CHUNKS = 40


def test_answers_come_late_and_do_not_queue_up(tmp_path):
    async def chatty(_reader, writer):
        for number in range(CHUNKS):
            writer.write(b"%d," % number)
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.close()

    async def told():
        far, near = tmp_path / "far", tmp_path / "near"
        async with (
            await asyncio.start_unix_server(chatty, far),
            await serve(f"unix:{near}", f"unix:{far}", DELAY_SECONDS),
        ):
            reader, writer = await asyncio.open_unix_connection(near)
            text = await reader.read()
            writer.close()
            return text

    began = time.monotonic()
    assert asyncio.run(told()) == b"".join(b"%d," % number for number in range(CHUNKS))
    # Held back one after the other, they would take so many times as long: room for a busy machine.
    assert DELAY_SECONDS <= time.monotonic() - began < DELAY_SECONDS * (CHUNKS - 1)

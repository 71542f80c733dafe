"""Sends requests: at a constant rate whatever the answers do, or as many as asked as fast as they go."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import aiohttp

from lab.mesh.envoy import GATEWAY_PORT, HTTP_PORT
from lab.traffic.tally import Answer, Tally, outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

PATIENCE_SECONDS = 10.0
WORKERS = 24


@dataclass(frozen=True)
class Target:
    """Where requests go.

    Attributes:
        host: The Host header: the public host, or a service's name inside the mesh.
        path: The path with its query.
        with_headers: Name and value of each request header beside Host; a name may come more than once.
        inside: Whether a caller inside the mesh sends them; else they come by the gateway.
    """

    host: str
    path: str
    with_headers: tuple[tuple[str, str], ...] = ()
    inside: bool = False

    @property
    def url(self) -> str:
        """The address inside the lab's network."""
        return f"http://127.0.0.1:{HTTP_PORT if self.inside else GATEWAY_PORT}{self.path}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The request's headers."""
        return [("Host", self.host), *self.with_headers]


async def request(
    session: aiohttp.ClientSession, target: Target, more: Iterable[tuple[str, str]] = ()
) -> Answer:
    """Sends one request, with more headers than its target's, and reads its answer whole."""
    at, began = time.time(), time.monotonic()
    try:
        async with session.get(target.url, headers=[*target.headers, *more]) as answer:
            body = await answer.read()
            return outcome(at, time.monotonic() - began, answer.status, answer.headers, body)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Answer(at, time.monotonic() - began, 0, failure=f"{type(error).__name__}: {error}".strip(": "))


def _session() -> aiohttp.ClientSession:
    patience = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=patience)


async def at_rate(
    targets: list[Target],
    rate: float,
    seconds: float | None,
    ended: asyncio.Event,
    see: Callable[[Answer], None],
    ask: Callable[[aiohttp.ClientSession, Target], Awaitable[Answer]] = request,
) -> None:
    """Sends requests at a constant rate, by turns to each target, until the time is up or told to end.

    Args:
        targets: Where to.
        rate: Requests a second, over all targets.
        seconds: For how long; None: until `ended`.
        ended: Ends it early.
        see: Takes each answer.
        ask: Sends a request.
    """
    began, number, pending = time.monotonic(), 0, set[asyncio.Task[None]]()

    async def one(session: aiohttp.ClientSession, target: Target) -> None:
        see(await ask(session, target))

    async with _session() as session:
        while not ended.is_set() and (seconds is None or time.monotonic() - began < seconds):
            task = asyncio.create_task(one(session, targets[number % len(targets)]))
            pending.add(task)
            task.add_done_callback(pending.discard)
            number += 1
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        if pending:
            await asyncio.wait(pending)


async def count(targets: list[Target], requests: int) -> dict[Target, Tally]:
    """Sends a number of requests to each target, by turns, a few at a time."""
    tallies = {target: Tally() for target in targets}
    left = (target for _ in range(requests) for target in targets)

    async def work(session: aiohttp.ClientSession) -> None:
        for target in left:
            tallies[target].add(await request(session, target))

    async with _session() as session:
        await asyncio.gather(*(work(session) for _ in range(WORKERS)))
    return tallies


async def stream(target: Target, seconds: float) -> dict[str, object]:
    """Holds one stream of server-sent events open.

    Returns:
        Who served it, the number of its events, and whether it came to its own end.
    """
    patience, text, version = aiohttp.ClientTimeout(total=seconds + PATIENCE_SECONDS), b"", ""
    target = replace(target, path=f"{target.path}?seconds={seconds:g}")
    failure = ""
    try:
        async with (
            aiohttp.ClientSession(timeout=patience) as session,
            session.get(target.url, headers=target.headers) as answer,
        ):
            version = answer.headers.get("x-version", "")
            async for chunk in answer.content.iter_any():
                text += chunk
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        failure = f"{type(error).__name__}: {error}"
    whole = not failure and text.endswith(b"event: end\ndata: end\n\n")
    return {"version": version, "events": text.count(b"event: tick"), "whole": whole, "failure": failure}

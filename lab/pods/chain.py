"""Calling the next service, as one that knows nothing of canaries does: OpenTelemetry carries `baggage` on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

from lab.mesh.envoy import HTTP_PORT

if TYPE_CHECKING:
    from aiohttp import web

QUERY = "call"
"""`?call=scan-api.scan:8000,my-api.my:8000`: calls the first, which calls the second."""
HEADER = "x-chain"
"""Who answered along the way: `auth-api/v1,scan-api/v2`; a call that failed stands there as `HOST/STATUS`."""
PATIENCE_SECONDS = 10.0
FAILED = 502


@dataclass(frozen=True)
class Called:
    """What came back from the rest of a chain.

    Attributes:
        status: 200, or 502 where a call failed.
        chain: Who answered; empty where there was nobody to call.
        told: What they said; None where nobody did.
    """

    status: int = 200
    chain: str = ""
    told: Any = None


async def call_on(request: web.BaseRequest) -> Called:
    """Calls the services that a request names, through the mesh; a pod here has no proxy of its own."""
    host, _, rest = request.query[QUERY].partition(",")
    if not host:
        return Called()
    headers = {"Host": host}
    # What instrumented servers and clients do: of several lines the first is read.
    carrier = {"baggage": received(request)}
    propagator = W3CBaggagePropagator()
    propagator.inject(headers, propagator.extract(carrier, Context()))
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)) as session,
            session.get(f"http://127.0.0.1:{HTTP_PORT}/", params={QUERY: rest}, headers=headers) as answer,
        ):
            text = await answer.text()
            if chain := answer.headers.get(HEADER):
                return Called(answer.status, chain, json.loads(text))
            return Called(FAILED, f"{host}/{answer.status}")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Called(FAILED, f"{host}/{type(error).__name__}")


def received(request: web.BaseRequest) -> list[str]:
    """The lines of `baggage` that a request came with."""
    return request.headers.getall("baggage", [])

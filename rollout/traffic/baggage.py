"""The canary's header along a chain of calls: services pass `baggage` on, and no other header (rule 20).

The gateway adds the member `x-canary=true` to the header `baggage` of a request that has the canary's header.
OpenTelemetry's propagator `baggage` takes it from service to service, and rules inside the mesh match it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rollout.fields import present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.spec.catalog import CanaryHeader

BAGGAGE: Final = "baggage"
"""https://www.w3.org/TR/baggage"""

OWS: Final = r"[ \t]*"


@dataclass(frozen=True)
class HeaderRule:
    """Which requests a header rule takes, and what it sets on them.

    Attributes:
        asks: The headers that it asks for; each is one way to meet the rule.
        sets: The request headers that it sets.
        ending: What its name has behind that of the canary's rule.
    """

    asks: tuple[dict[str, Any], ...]
    sets: dict[str, str] = field(default_factory=dict)
    ending: str = ""


def outside(header: CanaryHeader, *, clean: bool = False) -> tuple[HeaderRule, ...]:
    """The header rules of the public host: they add the member, and take the first that matches.

    Two, since Envoy puts nothing where a header is missing: one rule would leave an empty member in front,
    for which Go's OpenTelemetry drops the whole baggage (w3c/baggage#137). And `add` would give a line of its
    own behind that of a client; Python's OpenTelemetry reads the first line only. Both measured in the lab. Of
    several lines that a client sends, the first stays.

    Args:
        header: The canary's header.
        clean: Whether the route takes the client's own baggage away.
    """
    own, member = _exactly(header), _member(header)
    alone = HeaderRule((own,), {BAGGAGE: member})
    if clean:
        return (alone,)
    beside = {**own, BAGGAGE: {"regex": ".+"}}
    return HeaderRule((beside,), {BAGGAGE: f"%REQ({BAGGAGE})%,{member}"}, f"-{BAGGAGE}"), alone


def inside(header: CanaryHeader) -> tuple[HeaderRule, ...]:
    """The header rule for callers inside the mesh: they send the header itself, or the member."""
    return (HeaderRule((_exactly(header), {BAGGAGE: {"regex": pattern(header)}})),)


def pattern(header: CanaryHeader) -> str:
    """The whole of a `baggage` that has the member (RE2; Envoy matches the whole, and joins lines by commas).

    A comma always ends a member, and a semicolon begins its properties, so neither can be inside a value. Names
    are case-sensitive.
    """
    # Of all that may stand in a name or a value only the dot means something to an expression.
    name, value = (text.replace(".", r"\.") for text in (header.name, header.value))
    return rf"(.*,)?{OWS}{name}{OWS}={OWS}{value}{OWS}(;[^,]*)?(,.*)?"


def merged(treatment: Mapping[str, Any], sets: Mapping[str, str]) -> dict[str, Any]:
    """What a route does with a request, and the headers that a header rule sets on it."""
    if not sets:
        return dict(treatment)
    request = dict((treatment.get("headers") or {}).get("request") or {})
    return {**treatment, "headers": {"request": {**request, "set": {**(request.get("set") or {}), **sets}}}}


def unmarked(routed: Mapping[str, Any]) -> dict[str, Any]:
    """A rule or a destination that adds no `baggage` to requests, whatever it does else."""
    kept = copy.deepcopy(dict(routed))
    headers = kept.pop("headers", None) or {}
    request = dict(headers.get("request") or {})
    for operation in ("set", "add"):
        if operation in request:
            request[operation] = {
                name: value for name, value in request[operation].items() if name.lower() != BAGGAGE
            }
    return kept | present(headers=present(**{**headers, "request": present(**request)}))


def _exactly(header: CanaryHeader) -> dict[str, Any]:
    return {header.name: {"exact": header.value}}


def _member(header: CanaryHeader) -> str:
    return f"{header.name}={header.value}"

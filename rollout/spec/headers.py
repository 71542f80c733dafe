"""Request headers that belong to the proxies, and what a config may say of all others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rollout.spec import patterns as forms
from rollout.traffic.baggage import BAGGAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollout.spec.routes import Route

OWNED: Final = frozenset(
    (
        *(
            "connection",
            "content-length",
            "expect",
            "forwarded",
            "host",
            "http2-settings",
            "keep-alive",
            "te",
        ),
        *("trailer", "transfer-encoding", "upgrade", "via"),
    )
)
"""Headers that every proxy on the way reads, writes or takes away (RFC 9110, RFC 9113)."""

OWNED_PREFIXES: Final = ("proxy-", "sec-", "x-envoy-", "x-forwarded-", "x-istio-")
"""Headers that browsers and Envoy write themselves, so that a match on one never says what a caller wished."""


SENT: Final = frozenset(
    (
        *("accept", "alt-used", "authorization", "b3", "cache-control", "cookie", "date", "device-memory"),
        *("dnt", "downlink", "dpr", "early-data", "ect", "from", "last-event-id", "max-forwards", "origin"),
        *("pragma", "priority", "purpose", "range", "referer", "rtt", "save-data", "service-worker"),
        *(
            "set-cookie",
            "traceparent",
            "tracestate",
            "uber-trace-id",
            "upgrade-insecure-requests",
            "user-agent",
        ),
        *(
            "viewport-width",
            "width",
            "x-amz-cf-id",
            "x-cloud-trace-context",
            "x-ot-span-context",
            "x-purpose",
        ),
        *("x-real-ip", "x-request-id", "x-requested-with"),
    )
)
"""Headers that browsers, libraries, load balancers and tracing send unasked (Fetch, RFC 9110, W3C Trace Context)."""

SENT_PREFIXES: Final = ("accept-", "access-control-", "content-", "grpc-", "if-", "x-amzn-", "x-b3-")


def not_sent(name: str) -> str:
    """The name of a header that nobody sends unless somebody wants it to.

    Raises:
        ValueError: If browsers, libraries or tracing do: whoever has it would say nothing by it.
    """
    if name.lower() in SENT or name.lower().startswith(SENT_PREFIXES):
        told = f"browsers, libraries or proxies send {name} by themselves, whoever the user is"
        raise ValueError(f"{told}; choose a header of your own (x-canary, x-user-id)")
    return name


def not_owned(name: str) -> str:
    """The name of a header that may be matched or changed.

    Raises:
        ValueError: If proxies own it: Envoy answers for `host` and the others by itself.
    """
    if name.lower() in OWNED or name.lower().startswith(OWNED_PREFIXES):
        raise ValueError(
            f"the header {name} belongs to the proxies on the way; choose one of your own (x-canary)"
        )
    return name


def not_baggage(name: str) -> str:
    """The name of a header that is not the one which carries the canary's along a chain of calls (rule 20).

    Raises:
        ValueError: If it is.
    """
    if name.lower() == BAGGAGE:
        raise ValueError(
            f"{name} carries the canary's header from service to service; choose another one (x-canary)"
        )
    return name


def changes(values: dict[str, str]) -> dict[str, str]:
    """Headers with the values that a route gives them.

    Raises:
        ValueError: If a name or a value has a form that Envoy refuses, or the header rule gives that header a value.
    """
    for name in names(tuple(values)):
        not_baggage(name)
    for name, value in values.items():
        if not re.fullmatch(forms.HEADER_VALUE, value):
            raise ValueError(f"the value of {name} must have the form of {forms.FORMS[forms.HEADER_VALUE]}")
    return values


def names(told: tuple[str, ...]) -> tuple[str, ...]:
    """Names of headers that a route changes.

    Raises:
        ValueError: If one has another form, belongs to the proxies, or stands there twice.
    """
    for name in told:
        if not re.fullmatch(forms.HEADER, name):
            raise ValueError(f"{name!r} must have the form of {forms.FORMS[forms.HEADER]}")
        not_owned(name)
    return told


def changed_by(routes: Iterable[Route], kept: Mapping[str, str]) -> dict[int, str]:
    """Why routes may not change the headers that they do, by the route's place.

    Args:
        routes: The routes of a service.
        kept: What each header that other rules match on is for, by the header's name.
    """
    found = {}
    for place, route in enumerate(routes):
        done = route.request_headers
        told = sorted({*done.set, *done.add, *done.remove} & kept.keys()) if done else []
        if told:
            why = "; ".join(f"{name} {kept[name]}, so no route may set, add or remove it" for name in told)
            found[place] = f"{why}; leave it out"
    return found

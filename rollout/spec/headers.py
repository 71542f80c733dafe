"""Request headers that belong to the proxies, and what a config may say of all others."""

from __future__ import annotations

import re
from typing import Final

from rollout.spec import patterns as forms
from rollout.traffic.baggage import BAGGAGE

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

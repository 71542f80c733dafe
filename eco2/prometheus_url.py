"""Which URLs lead to a Prometheus, and can be told without a secret in them."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

LIKE: Final = "it looks like http://127.0.0.1:9090"
HIDDEN_PLACES: Final = "@?#"
"""Where one of these is in it, nobody can tell which part is a password or a token."""


def wrong(url: str) -> str:
    """What is wrong with a URL, and what to write; empty if nothing is.

    An unescaped / or # in a password ends the host, and all behind it would be told as if it were a path.
    """
    if any(not sign.isprintable() or sign.isspace() or sign == "\\" for sign in url):
        return "has a blank, a line break or a backslash; write them as %20, %0A and %5C"
    try:
        place = urlsplit(url)
        leads = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        leads = False
    if not leads:
        return f"is no URL of a Prometheus; {LIKE}"
    if "@" in url.partition("://")[2][len(place.netloc) :]:
        return "has an @ behind its host; in a login write / as %2F, and in a path @ as %40"
    if "?" in url or "#" in url:
        return f"has a ? or a #, and eco2 puts its own path and question behind it; leave them out: {LIKE}"
    return ""


def named(url: str, variable: str) -> str:
    """How a URL that is wrong is told: by where it came from, where a secret may be in it."""
    secret = any(sign in url for sign in HIDDEN_PLACES)
    return f"what --prometheus or {variable} gives" if secret else repr(url)

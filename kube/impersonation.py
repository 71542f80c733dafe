"""Whom the user of a context acts as (`as` in a kubeconfig), as headers.

Without them the API server would judge, and write down, the user itself: another one than kubectl shows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Headers = tuple[tuple[str, str], ...]

KEYS = frozenset({"as", "as-uid", "as-groups", "as-user-extra"})
IN_A_NAME = "!#$&'*+-.^_`|~"
"""What a header's name may hold beside letters and digits, as client-go sees it."""


def impersonation(user: Mapping[str, Any]) -> Headers:
    """The headers, of which those of groups and extras may come several times.

    Args:
        user: The user's entry in the kubeconfig.

    Raises:
        ValueError: If it cannot be said in headers.
    """
    return tuple((name, _sendable(value)) for name, value in _headers(user))


def _headers(user: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    name, uid, groups = user.get("as"), user.get("as-uid"), user.get("as-groups") or []
    extra = user.get("as-user-extra") or {}
    if not name and (uid or groups or extra):
        raise ValueError("as-uid, as-groups and as-user-extra need an as")
    mapped = isinstance(extra, dict) and all(isinstance(values, list) for values in extra.values())
    if not (isinstance(groups, list) and mapped):
        raise ValueError("as-groups is no list, or as-user-extra no mapping of lists")
    if name:
        yield "Impersonate-User", name
    if uid:
        yield "Impersonate-Uid", uid
    for group in groups:
        yield "Impersonate-Group", group
    for key, values in extra.items():
        for value in values:
            yield f"Impersonate-Extra-{quote(str(key), safe=IN_A_NAME)}", value


def _sendable(value: Any) -> str:
    """A value as the standard library takes it: its bytes, one a letter."""
    if not isinstance(value, str) or re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("whom its user acts as is no text, or holds a character that no header can")
    return value.encode().decode("latin-1")

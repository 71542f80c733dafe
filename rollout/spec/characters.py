"""Characters that no reader sees and that terminals, logs and pages obey."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from rollout.problems import Problem, key_path

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT: Final = "\t\n\r"
"""What text of several lines holds (certificates, scripts)."""


def unprintable(file: str, root: str, data: Any) -> list[Problem]:
    """Finds control characters and halves of characters in keys and values.

    The kernel takes no NUL in a variable or an argument, a header none of them, and a half of a
    character can be sent nowhere.

    Args:
        file: The file that was read.
        root: What stands before every key (`eco2:`).
        data: What it holds: mappings, lists and values.
    """
    return [
        Problem(
            file,
            root + key_path(place),
            f"holds the character {sign}, which no program can be given; leave it out",
        )
        for place, sign in _found(data, ())
    ]


def _found(node: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _found(key, (*place, key))
            yield from _found(value, (*place, key))
    elif isinstance(node, (list, tuple)):
        for position, value in enumerate(node):
            yield from _found(value, (*place, position))
    elif isinstance(node, str):
        for sign in node:
            if sign not in KEPT and unicodedata.category(sign) in ("Cc", "Cs"):
                yield place, f"U+{ord(sign):04X}"
                return

"""What led to an answer, said once: in full the first time, and by its first figure after that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eco2.climb.events import Looked

REPEATED = re.compile(r"(^|: |; )([^:;]+)(?:; \2)+(?=;|\.? |\.?$)")


def by_measure(look: Looked) -> str:
    """The words of a look that led to its answer; names of measures where words have none, a shared reason once."""
    verdict = look.verdict
    names: dict[str, list[str]] = {}
    for one in verdict.parts:
        if one.answer == verdict.answer:
            names.setdefault(one.words, []).append(one.name)
    told = []
    for words, said_by in names.items():
        unnamed = [name for name in said_by if name not in words]
        told.append(f"{', '.join(unnamed)}: {words}" if unnamed else words)
    return "; ".join(told) or verdict.words


def each_once(text: str) -> str:
    """A text in which the same reason does not stand twice in a row: `a: b; b` is `a: b`."""
    return REPEATED.sub(r"\1\2", text)


def in_short(reason: str) -> str:
    """The first figure of a reason: `5.1 % of 300 requests failed`."""
    return re.split(r"[:;] |, ", reason)[0]


class Reasons:
    """Those that were told in full already."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def told(self, reason: str) -> None:
        """Takes down that a reason was told."""
        if reason and reason not in self._told:
            self._told.append(reason)

    def shortened(self, text: str) -> str:
        """A text with reasons that were told already in short."""
        for reason in self._told:
            text = text.replace(reason, in_short(reason))
        return text

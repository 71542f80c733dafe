"""The room that a live view has, and how a line keeps to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text


@dataclass(frozen=True)
class Signs:
    """What bars and rungs are drawn with."""

    full: str
    empty: str
    on: str
    off: str
    beyond: str
    more: str


UTF: Final = Signs("█", "░", "●", "○", "·", "…")
PLAIN: Final = Signs("#", ".", "*", "o", "-", "...")


def signs(encoding: str) -> Signs:
    """The signs that a terminal's encoding can show."""
    return UTF if encoding.lower().replace("-", "").startswith("utf") else PLAIN


@dataclass(frozen=True)
class Window:
    """What the page may take: columns, lines, and signs."""

    width: int
    height: int
    signs: Signs = UTF


def apart(left: Text, right: Text, window: Window) -> Text:
    """Two texts at both ends of a line; the left one gives way."""
    free = window.width - right.cell_len - 1
    if left.cell_len > free:
        left.truncate(max(free - cell_len(window.signs.more), 0))
        left.append(window.signs.more)
    return Text.assemble(left, " " * (free + 1 - left.cell_len), right)


def cut(line: Text, window: Window) -> None:
    """Ends a line where the window does, with a sign that there was more."""
    if line.cell_len > window.width:
        line.truncate(window.width - cell_len(window.signs.more))
        line.append(window.signs.more)


def fitted(text: str, width: int, window: Window) -> str:
    """A text in exactly so many columns."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - cell_len(window.signs.more)) + window.signs.more

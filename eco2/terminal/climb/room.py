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
    more: str


UTF: Final = Signs("█", "░", "●", "○", "…")
PLAIN: Final = Signs("#", ".", "*", "o", "...")


def signs(encoding: str) -> Signs:
    """The signs that a terminal's encoding can show."""
    return UTF if encoding.lower().replace("-", "").startswith("utf") else PLAIN


@dataclass(frozen=True)
class Room:
    """What the page may take: columns, lines, and signs."""

    width: int
    height: int
    signs: Signs = UTF


def apart(left: Text, right: Text, room: Room) -> Text:
    """Two texts at both ends of a line; the left one gives way."""
    free = room.width - right.cell_len - 1
    if left.cell_len > free:
        left.truncate(max(free - cell_len(room.signs.more), 0))
        left.append(room.signs.more)
    return Text.assemble(left, " " * (free + 1 - left.cell_len), right)


def cut(line: Text, room: Room) -> None:
    """Ends a line where the room does, with a sign that there was more."""
    if line.cell_len > room.width:
        line.truncate(room.width - cell_len(room.signs.more))
        line.append(room.signs.more)


def fitted(text: str, width: int, room: Room) -> str:
    """A text in exactly so many columns."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - cell_len(room.signs.more)) + room.signs.more

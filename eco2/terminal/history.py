"""A stack's history as a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eco2.terminal.wrapping import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from eco2.stack.history import HistoryEntry

COLOURS: Final = {"succeeded": "green", "failed": "red"}
HEAD: Final = ("when", "took", "result", "changes")
WHEN_WIDTH: Final = 11
LONGEST_BESIDE: Final = 100
"""A longer message stands below its row and takes the whole width; so does each of a climb, with its verdict."""

CLIMBS: Final = re.compile(r"climb (takes back|promotes|[a-z0-9-]+ \d+ →) ")


def table(updates: Sequence[HistoryEntry]) -> Group:
    """One row an update; times are local."""
    rows = [_row(update) for update in updates]
    widths = [max(len(cell.plain) for cell in column) for column in zip(map(Text, HEAD), *rows, strict=True)]
    shown: list[RenderableType] = [_line(widths, [*map(Text, HEAD), Text("what")], style="bold")]
    for update, row in zip(updates, rows, strict=True):
        beside, below = _what(update)
        shown.append(_line(widths, [*row, Text("\n".join(beside))]))
        shown += [_Below(line) for line in below]
    return Group(*shown)


def _line(widths: Sequence[int], cells: Sequence[Text], style: str = "") -> Table:
    line = Table(box=None, pad_edge=False, show_header=False)
    for width in widths:
        line.add_column(width=width, no_wrap=True)
    line.add_column()
    line.add_row(*cells, style=style)
    return line


def _row(update: HistoryEntry) -> list[Text]:
    return [
        Text(f"{update.started.astimezone():%m-%d %H:%M}"),
        Text(f"{update.seconds:.0f} s"),
        Text(update.result, COLOURS.get(update.result, "yellow")),
        Text(update.counts),
    ]


def _what(update: HistoryEntry) -> tuple[list[str], list[str]]:
    """What stands beside the row, and what below it."""
    lines = [update.kind] if update.kind != "update" else []
    lines += [f"{name}: {', '.join(moves)}" for name, moves in update.moves.items()]
    lines += ["only some services were updated"] if update.partial else []
    by = f"by {update.who}" if update.who else ""
    if len(update.message) > LONGEST_BESIDE or CLIMBS.match(update.message):
        return lines + [by] * bool(by), update.message.splitlines()
    return lines + [", ".join(filter(None, (update.message, by)))] * bool(update.message or by), []


class _Below:
    """A line of a message, broken between words and indented to where the second column begins."""

    def __init__(self, line: str) -> None:
        self._line = line

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = WHEN_WIDTH + 2
        told = fold(self._line.strip(), max(options.max_width - indent, 20))
        yield Text("\n".join(" " * indent + part.strip() for part in told.splitlines()))

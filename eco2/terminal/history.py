"""A stack's history as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eco2.stack.history import HistoryEntry

COLOURS: Final = {"succeeded": "green", "failed": "red"}


def table(updates: Sequence[HistoryEntry]) -> Table:
    """One row an update; times are local."""
    shown = Table("when", "took", "result", "changes", "what", box=None, pad_edge=False)
    for update in updates:
        colour = COLOURS.get(update.result, "yellow")
        shown.add_row(
            f"{update.started.astimezone():%m-%d %H:%M}",
            f"{update.seconds:.0f} s",
            f"[{colour}]{update.result}[/{colour}]",
            update.counts,
            escape("\n".join(_what(update))),
        )
    return shown


def _what(update: HistoryEntry) -> list[str]:
    lines = [update.kind] if update.kind != "update" else []
    lines += [f"{name}: {', '.join(moves)}" for name, moves in update.moves.items()]
    lines += ["only some services were updated"] if update.partial else []
    said = [update.message, f"by {update.who}" if update.who else ""]
    return lines + [", ".join(filter(None, said))] * any(said)

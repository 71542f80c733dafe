"""Where a climb is told: as lines of JSON, on a terminal, as plain lines, and in a report."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from eco2.climb.journal import Journal, Listener
from eco2.climb.report.file import ReportFile
from eco2.terminal.climb.view import LiveView, PlainLines, can_draw
from eco2.terminal.output import say_if_possible

if TYPE_CHECKING:
    from pathlib import Path

    from eco2.climb.events import Entry


def open_journal(*, as_json: bool, report: Path | None) -> Journal:
    """A journal that tells standard output, and a report.

    Use it in a `with`: at its end all was told, and the terminal is as it was.

    Args:
        as_json: Whether standard output gets lines of JSON; it gets words otherwise.
        report: Where the page is written; None: nowhere.

    Raises:
        ConfigError: If the report cannot be written.
    """
    also: list[Listener] = [ReportFile(report)] if report else []
    if as_json:
        return Journal([print_json, *also])
    if can_draw(sys.stdout):
        view = LiveView()
        return Journal([view, *also], screen=view)
    return Journal([PlainLines(), *also])


def print_json(entry: Entry) -> None:
    """Prints an event as a line of JSON."""
    say_if_possible(json.dumps(entry.as_json(), ensure_ascii=True))

"""A plan on a terminal: in colour and broken at its width, and plain elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TextIO

from rich.text import Text

from eco2.terminal.console import Console
from rollout.report.text import text

if TYPE_CHECKING:
    from rollout.report.report import Report

STYLES: Final = {"refused:": "bold red", "warning:": "yellow", "next": "cyan"}
LABELLED: Final = re.compile(r"(  \S+)  +")


def print_plan(found: Report, stream: TextIO) -> None:
    """Prints a plan in words to a stream."""
    console = Console(file=stream, highlight=False, soft_wrap=True)
    width = console.width if stream.isatty() else None
    heading = ""
    for line in text(found, width).splitlines():
        labelled = LABELLED.match(line)
        if labelled:
            style = STYLES.get(labelled[1].strip(), "dim")
            console.print(Text.assemble((labelled[1], style), line[labelled.end(1) :]))
            heading = ""
        else:
            if line[:1] not in ("", " "):
                heading = STYLES.get(line.split(maxsplit=1)[0], "bold")
            console.print(Text(line, heading))

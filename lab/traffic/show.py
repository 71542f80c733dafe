"""The split of the last seconds, live in the terminal, and the counts at the end."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lab.terminal import visible

if TYPE_CHECKING:
    from lab.traffic.tally import Tally

STYLES = {"v1": ("stable", "cyan"), "v2": ("canary", "yellow"), "failed": ("failed", "red")}
WINDOW_SECONDS = 10


class Show:
    """Draws a bar a second: cyan stable, yellow canary, red failed."""

    def __init__(self, tally: Tally) -> None:
        """Prepares; nothing is drawn yet."""
        self._tally, self._console = tally, Console()
        self._live = Live(
            console=self._console, refresh_per_second=4, get_renderable=self._draw, transient=True
        )

    def __enter__(self) -> None:
        """Begins to draw, on a terminal."""
        if self._console.is_terminal:
            self._live.start()

    def __exit__(self, *_: object) -> None:
        """Leaves the terminal as it was."""
        self._live.stop()

    def _draw(self) -> Group:
        width, now = max(self._console.width - 30, 20), int(time.time())
        lines = [
            self._bar(self._tally.by_second.get(at, Counter()), at, width)
            for at in range(now - WINDOW_SECONDS, now)
        ]
        return Group(*lines, Text("cyan: stable, yellow: canary, red: failed; Ctrl-C ends", style="dim"))

    @staticmethod
    def _bar(counts: Counter[str], at: int, width: int) -> Text:
        total = counts.total()
        line = Text(time.strftime("%H:%M:%S ", time.localtime(at)))
        for key, (_, style) in STYLES.items():
            cells = round(width * counts[key] / total) if total else 0
            # A single failure must be seen.
            line.append("█" * max(cells, 1 if counts[key] else 0), style=style)
        share = f"{100 * counts['v2'] / total:5.1f} % canary" if total else ""
        return line.append(f" {total:4}/s {share}")

    @staticmethod
    def once(tally: Tally) -> None:
        """Prints the counts."""
        table, told = Table("answered by", "requests", "share", box=None), tally.as_json()
        for key, (word, style) in STYLES.items():
            number = tally.answers[key] if key != "failed" else len(tally.failures)
            share = f"{100 * number / tally.sent:.2f} %" if tally.sent else ""
            table.add_row(Text(word, style=style), str(number), share)
        latency = told["latencyMs"]
        console = Console()
        console.print(table)
        for chain, number in tally.chains.most_common():
            console.print(Text(visible(f"{chain.replace(',', ' → ')}: {number}")))
        console.print(f"{tally.sent} requests, median {latency['median']} ms, p99 {latency['p99']} ms")
        for failure in told["failures"][:5]:
            at = time.strftime("%H:%M:%S", time.localtime(failure["at"]))
            console.print(Text(visible(f"failed at {at}: {failure['what']}"), style="red"))

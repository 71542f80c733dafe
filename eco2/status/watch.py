"""Looking on: a reader in the background, and whoever shows what it saw."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.text import Text

from eco2.status.as_json import services_as_json
from eco2.status.tree import tree
from eco2.status.words import ago
from eco2.terminal.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from eco2.status.read import Reader
    from eco2.status.snapshot import Snapshot

SECONDS = 1.0
STALE = timedelta(seconds=5)
"""A server that is cut off keeps a question waiting until it times out; what is shown is old by then."""


@dataclass(frozen=True)
class Seen:
    """The state of the reader.

    Attributes:
        snapshot: The last one; None before the first.
        lost_since: Since when the cluster has not answered; None while it does.
        reason: Why it does not.
    """

    snapshot: Snapshot | None = None
    lost_since: datetime | None = None
    reason: str = ""

    @property
    def signature(self) -> object:
        """What has to change for a change to be worth a line: no times, no counts of requests or repetitions."""
        if self.snapshot is None:
            return self.lost_since is not None
        services = tuple(
            replace(one, measured=None, events=tuple(sorted({event.message for event in one.events})))  # type: ignore[arg-type]
            for one in self.snapshot.services
        )
        return services, self.snapshot.notes, self.lost_since is not None


class Feed:
    """Reads once a second in the background, and goes on when the cluster does not answer."""

    def __init__(self, reader: Reader) -> None:
        """Begins."""
        self.seen = Seen()
        # Of all queues this one may be filled from within a signal's handler.
        self.news = SimpleQueue[None]()
        self._reader = reader
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, seconds: float | None = None) -> None:
        """Waits for news, at most so long; what has piled up counts once."""
        with suppress(Empty):
            self.news.get(timeout=seconds)
            while True:
                self.news.get_nowait()

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self.seen = Seen(self._reader.read())
            except Exception as error:  # noqa: BLE001  # whatever it is, the next look may succeed
                before = self.seen
                self.seen = replace(
                    before, lost_since=before.lost_since or datetime.now(UTC), reason=str(error)
                )
            self.news.put(None)
            time.sleep(max(SECONDS - (time.monotonic() - began), SECONDS / 10))


def watch(reader: Reader, *, as_json: bool) -> None:
    """Shows services until interrupted: live on a terminal, else a picture for each change.

    Raises:
        KeyboardInterrupt: At Ctrl-C; the terminal is then as it was.
    """
    feed, console = Feed(reader), Console()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if as_json or not console.is_terminal:
        _print_changes(feed, console, as_json=as_json)
    _show(feed, console)


def _print_changes(feed: Feed, console: Console, *, as_json: bool) -> None:
    told: object = None
    while True:
        feed.wait()
        seen = feed.seen
        if seen.signature == told:
            continue
        told = seen.signature
        with suppress(BlockingIOError):
            if as_json:
                print(json.dumps(_line(seen)), flush=True)  # noqa: T201  # the command's answer
            else:
                now = datetime.now().astimezone().strftime("%H:%M:%S")
                console.print(f"--- {now}", markup=False, highlight=False)
                console.print(picture(seen, console.encoding), highlight=False, soft_wrap=True)
                sys.stdout.flush()


def _line(seen: Seen) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(),
        "lostSince": seen.lost_since.isoformat() if seen.lost_since else None,
        "services": services_as_json(seen.snapshot) if seen.snapshot else [],
    }


def picture(seen: Seen, encoding: str) -> Group:
    """What was seen last, and since when nothing new could be."""
    parts: list[RenderableType] = []
    if seen.lost_since is not None:
        since = seen.lost_since.astimezone().strftime("%H:%M:%S")
        lost = f"{seen.reason} (since {since}, {ago(datetime.now(UTC) - seen.lost_since)}); trying again"
        parts.append(Text(lost, style="bold red"))
    elif seen.snapshot and (silent := datetime.now(UTC) - seen.snapshot.at) > STALE:
        parts.append(Text(f"no answer for {ago(silent)}; waiting", style="bold red"))
    if seen.snapshot is None:
        parts.append(Text("" if seen.lost_since else "asking the cluster ..."))
    else:
        parts.append(tree(seen.snapshot, encoding))
    return Group(*parts)


def _show(feed: Feed, console: Console) -> None:
    """Draws on the alternate screen, once a second and when the window changes its size."""
    signal.signal(signal.SIGWINCH, lambda *_: feed.news.put(None))
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(_page(feed.seen, console), refresh=True)
            feed.wait(SECONDS)


def _page(seen: Seen, console: Console) -> Group:
    """As much as the window holds; its last line says what is left out."""
    options = console.options.update(height=None)
    lines = console.render_lines(picture(seen, console.encoding), options, pad=False)
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    room = max(console.height - 1, 1)
    hidden = len(lines) - room
    foot = f"{now}  Ctrl-C ends" + (
        f"; {hidden} more lines: name services, or use a taller window" if hidden > 0 else ""
    )
    body = [Text.assemble(*((part.text, part.style or "") for part in line)) for line in lines[:room]]
    for line in (*body, last := Text(foot, style="dim")):
        line.no_wrap, line.overflow = True, "crop"
    body += [Text()] * (room - len(body))
    return Group(*body, last)

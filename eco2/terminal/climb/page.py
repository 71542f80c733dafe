"""The live view of a climb as lines: as many, and as wide, as a window has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from eco2.terminal.climb.canary import in_full, short, short_folded, shortest, whole
from eco2.terminal.climb.window import apart, cut
from eco2.terminal.lengths import clock, told
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from datetime import datetime

    from eco2.climb.events import Began
    from eco2.terminal.climb.scene import Scene
    from eco2.terminal.climb.window import Window


NARROW: Final = 56
"""Columns below which a table and bars beside a name do not fit."""


def page(scene: Scene, now: datetime, window: Window) -> list[Text]:
    """The lines, each no wider than the window.

    Args:
        scene: How the climb stands.
        now: The time, with its zone.
        window: What it may take; services are told in fewer lines where there is less, and the last ones left out.
    """
    head, foot = [Text(), *_head(scene, now, window)], _foot(scene, now)
    free = window.height - len(head) - len(foot)
    shown: list[list[Text]] = []
    wide = (in_full, whole) if window.width >= NARROW else ()
    for draw in (*wide, short_folded, short, shortest):
        shown = [draw(name, canary, scene, now, window) for name, canary in scene.canaries.items()]
        if sum(map(len, shown)) <= free:
            break
    body = [line for block in shown for line in block]
    if len(body) > free:
        hidden = len(body) - max(free - 1, 0)
        body = [*body[: max(free - 1, 0)], Text(f"{hidden} more lines: use a taller window", "dim")]
    lines = [*head, *body, *foot][-window.height :]
    for line in lines:
        line.no_wrap = True
        cut(line, window)
    return lines


def _head(scene: Scene, now: datetime, window: Window) -> list[Text]:
    if scene.began is None:
        return [Text("begins")]
    at, began = scene.began
    return [apart(Text(_title(began), "bold"), Text(clock((now - at).total_seconds()), "dim"), window)]


def _title(began: Began) -> str:
    if not began.moves:
        return one_line(f"{began.stack}: watching, moving nothing")
    to = f"phase {began.to}" if began.to is not None else "the last phase"
    return one_line(f"{began.stack}: climbing to {to}" + (", then promoting" if began.promote else ""))


def _foot(scene: Scene, now: datetime) -> list[Text]:
    if scene.ended:
        return []  # its words are printed below, whole
    if scene.waits:
        since, why = scene.waits
        return [Text(one_line(f"waits for {told((now - since).total_seconds())}: {why}"), "yellow")]
    moves = scene.began is not None and scene.began[1].moves
    return [Text("Ctrl-C ends it; canaries stay where they are" if moves else "Ctrl-C ends it", "dim")]

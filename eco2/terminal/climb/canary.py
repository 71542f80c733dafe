"""One canary in the live view of a climb, in more or fewer lines."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

from rich.text import Text

from eco2.terminal.climb.lines import bounds, counted, latency_name, share
from eco2.terminal.climb.reasons import by_measure
from eco2.terminal.climb.title import ANSWERS, title
from eco2.terminal.climb.window import fitted
from eco2.terminal.wrapping import fold
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from eco2.climb.events import Looked
    from eco2.terminal.climb.scene import Canary, Scene
    from eco2.terminal.climb.window import Window
    from rollout.judge.verdict import Weighed

LONGEST_BAR: Final = 30
NAME_WIDTH: Final = 11
VERSIONS: Final = ("stable", "canary")


def in_full(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> list[Text]:
    """With all words."""
    return whole(name, canary, scene, now, window, folded=True)


def whole(
    name: str, canary: Canary, scene: Scene, now: datetime, window: Window, *, folded: bool = False
) -> list[Text]:
    """With the figures of both versions in a table, and each measure's evidence."""
    lines = [title(name, canary, scene, now, window)]
    if (look := canary.look) is None:
        return [*lines, *_before_a_look(canary)]
    latency = latency_name(scene.began and scene.began[1], name) if look.latency_ms else ""
    lines.append(_row("", "requests", "failed", latency, style="dim"))
    lines += [
        _row(version, counted(look, version), share(look, version), _latency(look, version))
        for version in VERSIONS
    ]
    for one in look.verdict.parts:
        lines += _part(one, window, folded=folded, users=bool(look.weight))
    return [*lines, *_without_users(look, window), Text()]


def _part(one: Weighed, window: Window, *, folded: bool, users: bool) -> list[Text]:
    """What one measure or sign says; the words of a measure stand below its bars. Without users it needs none."""
    label = Text(f"  {fitted(one_line(one.name), NAME_WIDTH, window)} ")
    words = Text(one_line(one.words), ANSWERS[one.answer])
    if one.sick is None or one.well is None or not (users or one.sick):
        return [label.append_text(words)]
    indent = " " * label.cell_len
    told = fold(indent + words.plain, window.width).splitlines() if folded else [indent + words.plain]
    return [_bars(label, one.sick, one.well, window), *(Text(line, words.style) for line in told)]


def _without_users(look: Looked, window: Window) -> list[Text]:
    """What counts where no user meets the canary."""
    if look.weight:
        return []
    seen = ", and that Prometheus sees requests" if bounds(look) else ""
    told = f"  no user meets it yet: its pods count{seen}"
    return [Text(line, "dim") for line in fold(told, window.width).splitlines()]


def short_folded(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> list[Text]:
    """As `short`, with all words."""
    return short(name, canary, scene, now, window, folded=True)


def short(
    name: str, canary: Canary, scene: Scene, now: datetime, window: Window, *, folded: bool = False
) -> list[Text]:
    """Four lines, or five in a narrow window: the figures, and all evidence in two bars."""
    lines = [title(name, canary, scene, now, window)]
    if (look := canary.look) is None:
        return [*lines, *_before_a_look(canary)]
    told = "  " + "  ".join(_figures(look))
    lines += [Text(told)] if len(told) <= window.width else [Text(f"  {one}") for one in _figures(look)]
    if (bound := bounds(look)) is not None and (look.weight or bound[0]):
        lines.append(_bars(Text("  "), *bound, window))
    words = f"  {one_line(by_measure(look))}"
    style = ANSWERS[look.verdict.answer]
    lines += [Text(line, style) for line in (fold(words, window.width).splitlines() if folded else [words])]
    return [*lines, *_without_users(look, window)]


def shortest(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> list[Text]:
    """Two lines."""
    lines = [title(name, canary, scene, now, window)]
    if (look := canary.look) is None:
        return [*lines, Text()]
    told = "  " + "  ".join(_figures(look))
    if len(told) > window.width:
        told = (
            "  " + "  ".join(f"{one} {counted(look, one)} {share(look, one)}" for one in VERSIONS) + " failed"
        )
    return [*lines, Text(told)]


def _before_a_look(canary: Canary) -> list[Text]:
    return [] if canary.done else [Text("  nothing was counted yet", "dim")]


def _figures(look: Looked) -> Iterator[str]:
    """Those of each version."""
    for version in VERSIONS:
        latency = _latency(look, version)
        yield f"{version} {counted(look, version):>9} {share(look, version):>6} failed" + (
            f" {latency:>6}" if latency else ""
        )


def _row(version: str, requests: str, failed: str, latency: str, *, style: str = "") -> Text:
    return Text(f"  {version:<{NAME_WIDTH}} {requests:>12}{failed:>10}{latency:>12}", style)


def _latency(look: Looked, version: str) -> str:
    milliseconds = look.latency_ms.get(version)
    return f"{milliseconds:,.0f} ms" if milliseconds is not None and isfinite(milliseconds) else ""


def _bars(label: Text, sick: float, well: float, window: Window) -> Text:
    """Evidence for both answers, each up to its bound."""
    figures = len("  sick  100 %") * 2
    length = max(min((window.width - label.cell_len - figures) // 2, LONGEST_BAR), 4)
    line = label.copy()
    for word, part, style in (("sick", sick, "red"), ("well", well, "green")):
        full = round(part * length)
        # What has not reached its bound is not drawn full.
        full = min(full, length - 1) if part < 1 else length
        line.append(f"{word} ")
        line.append(window.signs.full * full, style)
        line.append(window.signs.empty * (length - full), "dim")
        line.append(f" {min(part, 0.99) if part < 1 else 1:>4.0%}".replace("%", " %") + "  ")
    line.rstrip()
    return line

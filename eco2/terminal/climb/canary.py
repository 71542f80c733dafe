"""One canary in the live view of a climb, in more or fewer lines."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

from rich.text import Text

from eco2.terminal.climb.lines import bounds, counted, latency_name, share
from eco2.terminal.climb.window import apart, fitted
from eco2.terminal.lengths import clock
from eco2.terminal.wrapping import fold
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from eco2.climb.events import Looked
    from eco2.terminal.climb.scene import Canary, Scene
    from eco2.terminal.climb.window import Signs, Window
    from rollout.judge.verdict import Weighed

ANSWERS: Final = {"sick": "bold red", "well": "green", "not known": "yellow"}
LONGEST_BAR: Final = 30
NAME_WIDTH: Final = 11
VERSIONS: Final = ("stable", "canary")


def _title(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> Text:
    ladder = scene.began[1].ladders.get(name, ()) if scene.began else ()
    names = max(map(len, scene.canaries))
    left = Text.assemble((f"{one_line(name):<{names}}", "bold"), "  ")
    left.append(_rungs(canary.phase, ladder, window.signs), "cyan")
    weight = "" if canary.weight is None else f", {canary.weight} %"
    left.append(f"  {f'phase {canary.phase}{weight}':<14}")
    if canary.done:
        left.append(f"  {canary.done}", "green" if canary.done == "promoted" else "red")
    elif canary.look:
        answer = canary.look.verdict.answer
        left.append(f"  {answer}", ANSWERS[answer])
    return apart(left, Text(_time(canary, scene, now), "dim"), window)


def _rungs(phase: int, ladder: Sequence[int], signs: Signs) -> str:
    return signs.on * min(phase, len(ladder)) + signs.off * (len(ladder) - phase)


def _time(canary: Canary, scene: Scene, now: datetime) -> str:
    if canary.done or scene.ended or scene.began is None:
        return ""
    passed, began = canary.seconds_in_phase(now), scene.began[1]
    if passed < began.soak_seconds:
        return f"{clock(passed)} of {clock(began.soak_seconds)} to soak"
    return f"{clock(passed)}, gives up at {clock(began.give_up_seconds)}"


def in_full(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> list[Text]:
    """With all words."""
    return whole(name, canary, scene, now, window, folded=True)


def whole(
    name: str, canary: Canary, scene: Scene, now: datetime, window: Window, *, folded: bool = False
) -> list[Text]:
    """With the figures of both versions in a table, and each measure's evidence."""
    lines = [_title(name, canary, scene, now, window)]
    if (look := canary.look) is None:
        return [*lines, *_before_a_look(canary)]
    latency = latency_name(scene.began and scene.began[1], name) if look.latency_ms else ""
    lines.append(_row("", "requests", "failed", latency, style="dim"))
    lines += [
        _row(version, counted(look, version), share(look, version), _latency(look, version))
        for version in VERSIONS
    ]
    for one in look.verdict.parts:
        lines += _part(one, window, folded=folded)
    return [*lines, Text()]


def _part(one: Weighed, window: Window, *, folded: bool) -> list[Text]:
    """What one measure or sign says; the words of a measure stand below its bars."""
    label = Text(f"  {fitted(one_line(one.name), NAME_WIDTH, window)} ")
    words = Text(one_line(one.words), ANSWERS[one.answer])
    if one.sick is None or one.well is None:
        return [label.append_text(words)]
    indent = " " * label.cell_len
    told = fold(indent + words.plain, window.width).splitlines() if folded else [indent + words.plain]
    return [_bars(label, one.sick, one.well, window), *(Text(line, words.style) for line in told)]


def short(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> list[Text]:
    """Four lines: the figures on one, and all evidence in two bars."""
    lines = [_title(name, canary, scene, now, window)]
    if (look := canary.look) is None:
        return [*lines, *_before_a_look(canary)]
    lines.append(Text("  ").append_text(Text(_figures(look))))
    if (bound := bounds(look)) is not None:
        lines.append(_bars(Text("  "), *bound, window))
    return [*lines, *_words(look)]


def shortest(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> list[Text]:
    """Two lines."""
    lines = [_title(name, canary, scene, now, window)]
    return [*lines, Text(f"  {_figures(canary.look)}") if canary.look else Text()]


def _before_a_look(canary: Canary) -> list[Text]:
    return [] if canary.done else [Text("  nothing was counted yet", "dim")]


def _figures(look: Looked) -> str:
    told_of = []
    for version in VERSIONS:
        latency = _latency(look, version)
        told_of.append(
            f"{version} {counted(look, version):>9} {share(look, version):>6} failed"
            + (f" {latency:>6}" if latency else "")
        )
    return "  ".join(told_of)


def _row(version: str, requests: str, failed: str, latency: str, *, style: str = "") -> Text:
    return Text(f"  {version:<{NAME_WIDTH}} {requests:>12}{failed:>10}{latency:>12}", style)


def _latency(look: Looked, version: str) -> str:
    milliseconds = look.latency_ms.get(version)
    return f"{milliseconds:,.0f} ms" if milliseconds is not None and isfinite(milliseconds) else ""


def _words(look: Looked) -> list[Text]:
    return [Text(f"  {one_line(look.verdict.words)}", ANSWERS[look.verdict.answer])]


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

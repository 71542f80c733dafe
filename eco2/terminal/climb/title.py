"""The first line of one canary in the live view: where it is, what is known of it, and how long it has been there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from eco2.terminal.climb.window import apart
from eco2.terminal.lengths import clock
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from eco2.terminal.climb.scene import Canary, Scene
    from eco2.terminal.climb.window import Signs, Window

ANSWERS: Final = {"sick": "bold red", "well": "green", "not known": "yellow"}
GAP: Final = 2
"""Columns between both ends of the line, so that they are no one word."""


def title(name: str, canary: Canary, scene: Scene, now: datetime, window: Window) -> Text:
    """The line, with what a narrow window has no room for left out: first of the time, then the rungs."""
    times = list(_times(canary, scene, now))
    least = Text()
    for rungs in (True, False):
        left = _left(name, canary, scene, window.signs, rungs=rungs)
        for time in times:
            least = apart(left.copy(), Text(time, "dim"), window)
            if left.cell_len + GAP * bool(time) + len(time) <= window.width:
                return least
    return least


def _left(name: str, canary: Canary, scene: Scene, signs: Signs, *, rungs: bool) -> Text:
    names = max(map(len, scene.canaries)) if rungs else 0
    left = Text.assemble((f"{one_line(name):<{names}}", "bold"), "  ")
    if rungs:
        left.append(_rungs(name, canary, scene, signs), "cyan")
        left.append("  ")
    weight = "" if canary.weight is None else f", {canary.weight} %"
    left.append(f"{f'phase {canary.phase}{weight}':<{14 if rungs else 0}}")
    if canary.done:
        left.append(f"  {canary.done}", "green" if canary.done == "promoted" else "red")
    elif canary.look:
        answer = canary.look.verdict.answer
        left.append(f"  {answer}", ANSWERS[answer])
    return left


def _rungs(name: str, canary: Canary, scene: Scene, signs: Signs) -> str:
    """One sign for each phase; those above the goal have another."""
    ladder = scene.began[1].ladders.get(name, ()) if scene.began else ()
    goal = scene.began[1].to if scene.began else None
    done = min(canary.phase, len(ladder))
    left = max(min(len(ladder) if goal is None else goal, len(ladder)) - done, 0)
    return signs.on * done + signs.off * left + signs.beyond * (len(ladder) - done - left)


def _times(canary: Canary, scene: Scene, now: datetime) -> Iterator[str]:
    """How long it has been at its phase, in fewer and fewer words; at phase 0 nothing is waited for."""
    if canary.phase and not canary.done and not scene.ended and scene.began is not None:
        passed, began = canary.seconds_in_phase(now), scene.began[1]
        if passed < began.soak_seconds:
            yield f"{clock(passed)} of {clock(began.soak_seconds)} to soak"
            yield f"{clock(passed)} of {clock(began.soak_seconds)}"
        else:
            yield f"{clock(passed)}, gives up at {clock(began.give_up_seconds)}"
        yield clock(passed)
    yield ""

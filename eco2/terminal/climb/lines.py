"""A climb in lines: what was done, and now and then how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eco2.terminal.climb.reasons import Reasons, by_measure, each_once
from eco2.terminal.lengths import told
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eco2.climb.events import Began, Ended, Event, Looked, Raised

STYLES = {
    "judged sick": "bold red",
    "judged well": "green",
    "struck": "bold red",
    "taken back": "red",
    "waits": "yellow",
    "promoted": "green",
}
TENTHS = 20
"""Per cent, from which on a tenth says nothing."""

GOOD_ENDS = ("arrived", "promoted", "well")

ERRORS = ("refused", "update failed", "failed", "interrupted")
"""Ends whose words go to standard error, as those of any command; the others are what it found out."""


NOTHING_TO_DO = "nothing to do"

BY_FILE: Final = "canary by the file"
"""Which image is told beside that of the canary where the file asks for another one than runs."""


def lines_of(event: Event, reasons: Reasons | None = None) -> list[str]:
    """What an event is in words, a line each; a look has none.

    Args:
        event: The event.
        reasons: Those that were told before, which are shortened; takes those of a verdict down.
    """
    reasons = reasons or Reasons()
    lines = [one_line(reasons.shortened(line)) for line in _lines(event)]
    if event.event == "judged":
        reasons.told(event.words)
        reasons.told(each_once(event.words))
    return lines


def _lines(event: Event) -> Iterator[str]:
    if event.event == "began":
        yield from _began(event)
    elif event.event == "raised":
        yield _raised(event)
    elif event.event == "judged":
        at = told(event.seconds_in_phase)
        yield f"{event.service}: {event.answer} after {at} at phase {event.phase}: {each_once(event.words)}"
    elif event.event == "struck":
        if moved := [name for name in event.services if name not in event.unmoved]:
            yield f"{', '.join(moved)}: no request meets the canary any more ({told(event.seconds)})"
        yield from (f"{name}: {left}" for name, left in event.unmoved.items())
        yield from (f"  {name}: {why}" for name, why in event.why.items())
    elif event.event == "taken back":
        yield f"{', '.join(event.services)}: taken back in {told(event.seconds)}"
    elif event.event == "promoted":
        yield f"{', '.join(event.services)}: promoted in {told(event.seconds)}"
    elif event.event == "waits":
        yield f"waits: {event.why}" if event.why else "waits no more"
    elif event.event == "ended":
        yield _ended(event)


def _ended(event: Ended) -> str:
    words = each_once(event.words)
    rest = beside_outcome(event)
    if words.startswith((NOTHING_TO_DO, f"{event.outcome} ")):
        return words  # it tells its time itself, or took none
    return f"{event.outcome} after {told(event.seconds)}: {rest}"


def in_short(event: Ended) -> str:
    """An end whose words stand elsewhere."""
    return f"{event.outcome} after {told(event.seconds)}"


def beside_outcome(event: Ended) -> str:
    """The words of an end where its outcome stands before them already."""
    return each_once(event.words).removeprefix(event.outcome).lstrip("; ")


def style_of(event: Event) -> str:
    """In which colour it is told."""
    if event.event == "ended":
        return (
            "bold green" if event.outcome in GOOD_ENDS else "bold red" if event.outcome == "sick" else "bold"
        )
    if event.event == "waits" and not event.why:
        return ""
    return STYLES.get(f"judged {event.answer}" if event.event == "judged" else event.event, "")


def status_line(look: Looked) -> str:
    """How one canary stands, on one line."""
    bound = bounds(look) if look.weight else None
    evidence = f" (evidence of sick {percent(bound[0])}, of well {percent(bound[1])})" if bound else ""
    return one_line(
        f"{look.service}: phase {look.phase}, {look.weight} %, for {told(look.seconds_in_phase)}: "
        f"{look.verdict.answer}{evidence}: {by_measure(look)}"
        + ("" if look.weight else "; no user meets it at this phase")
    )


def counted(look: Looked, version: str) -> str:
    """How many requests a version answered."""
    return f"{look.requests.get(version, 0):,.0f}"


def latency_name(began: Began | None, service: str) -> str:
    """What a service's latencies are: `p95`."""
    quantile = began.quantiles.get(service) if began else None
    return f"p{quantile:g}" if quantile else "latency"


def share(look: Looked, version: str) -> str:
    """The part of a version's requests that failed; a dash without requests."""
    requests = look.requests.get(version, 0)
    return percent(look.failed.get(version, 0) / requests) if requests else "-"


def percent(part: float) -> str:
    """A part of 1 in per cent, with two digits where it is little: `0.02 %`."""
    figure = part * 100
    digits = 2 if 0 < figure < 1 else 1 if figure < TENTHS else 0
    return f"{figure:.{digits}f}".removesuffix(".0") + " %"


def bounds(look: Looked) -> tuple[float, float] | None:
    """How far the evidence is to `sick`, where one measure is enough, and to `well`, which takes all of them."""
    sick = [one.sick for one in look.verdict.parts if one.sick is not None]
    well = [one.well for one in look.verdict.parts if one.well is not None]
    return (max(sick), min(well)) if sick and well else None


def _began(event: Began) -> Iterator[str]:
    goal = f"to phase {event.to}" if event.to is not None else "to the last phase"
    what = f"climbs {goal}{', then promotes' if event.promote else ''}" if event.moves else "judges"
    least = f"at least {told(event.soak_seconds)}{' a phase' if event.moves else ''}"
    yield f"{event.stack}: {what}; {least}, gives up after {told(event.give_up_seconds)}"
    for name in event.services:
        images = event.images.get(name, {})
        which = "".join(
            f", {version} {images[version].rpartition('/')[2]}"
            for version in ("canary", "stable")
            if version in images
        )
        wanted = f"; the file asks for the canary image {images[BY_FILE]}" if BY_FILE in images else ""
        yield f"  {name} is at phase {event.phases.get(name, 0)}{which}{wanted}"


def _raised(event: Raised) -> str:
    together: dict[tuple[int, int], list[str]] = {}
    for name, phase in event.phases.items():
        together.setdefault((phase, event.weights.get(name, 0)), []).append(name)
    moved = "; ".join(
        f"{', '.join(names)} to phase {phase} ({weight} %)" for (phase, weight), names in together.items()
    )
    return f"raised {moved} in {told(event.seconds)}" + (f": {event.why}" if event.why else "")

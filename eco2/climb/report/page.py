"""A report's page: no network, no script, and readable without its style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eco2.climb.report.chart import chart, legend
from eco2.climb.report.figures import began, course
from eco2.climb.report.markup import Markup, tag
from eco2.climb.report.style import style
from eco2.climb.report.tables import events, images, overview, phases, verdicts, wide
from eco2.terminal.climb.lines import GOOD_ENDS, beside_outcome
from eco2.terminal.lengths import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eco2.climb.events import Began, Ended, Entry
    from eco2.climb.report.figures import Course

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""Whatever a name of a service or a pod's words hold, the page asks nobody and runs nothing."""


def page(entries: Sequence[Entry]) -> str:
    """The page of a climb, as far as it has come.

    Args:
        entries: What happened, in order; not empty.
    """
    about = began(entries)
    title = _title(about)
    ended = next((entry.event for entry in reversed(entries) if entry.event.event == "ended"), None)
    services = [course(name, entries) for name in about.services] if about else []
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title}: {ended.outcome}" if ended else title),
        tag("style", Markup(style())),
    )
    main = tag(
        "main",
        tag("h1", title),
        _outcome(ended, entries),
        *_facts(about, entries),
        overview(services) if services else "",
        *(_service(one, about, entries) for one in services),
        tag("h2", "Line by line"),
        events(entries),
        *_notes(about),
    )
    body = tag("body", main)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _title(about: Began | None) -> str:
    if about is None:
        return "A climb"
    what = "Climb" if about.moves else "Judgement"
    return f"{what} of {', '.join(about.services)} on {about.stack}"


def _outcome(ended: Ended | None, entries: Sequence[Entry]) -> Markup:
    if ended is None:
        last = f"{entries[-1].at:%Y-%m-%d %H:%M:%S} UTC"
        words = f"It goes on, or was killed: no end was written. This page is of {last}."
        return tag("div", tag("p", tag("strong", "not over")), tag("p", words), class_="outcome")
    kind = (
        "outcome well"
        if ended.outcome in GOOD_ENDS
        else "outcome sick"
        if ended.outcome == "sick"
        else "outcome"
    )
    return tag("div", tag("p", tag("strong", ended.outcome)), tag("p", beside_outcome(ended)), class_=kind)


def _facts(about: Began | None, entries: Sequence[Entry]) -> list[Markup]:
    first, last = entries[0].at, entries[-1].at
    took = told((last - first).total_seconds())
    lines = [f"{first:%Y-%m-%d %H:%M:%S} to {_end(entries)} UTC, {took}. All times are UTC."]
    if about:
        goal = f"to phase {about.to}" if about.to is not None else "to the last phase"
        what = (
            f"Climbs {goal}{', then promotes' if about.promote else ''}" if about.moves else "Moves nothing"
        )
        soak, give_up = told(about.soak_seconds), told(about.give_up_seconds)
        place = " at a phase" if about.moves else ""
        lines.append(f"{what}; at least {soak}{place}, gives up after {give_up}.")
    return [tag("p", line) for line in lines]


def _end(entries: Sequence[Entry]) -> str:
    first, last = entries[0].at, entries[-1].at
    return f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"


def _service(service: Course, about: Began | None, entries: Sequence[Entry]) -> Markup:
    name = service.name
    figure = tag("figure", legend(), wide(f"charts of {name}", chart(service)))
    said = about.images.get(name, {}) if about else {}
    return tag(
        "section",
        tag("h2", name, id=name),
        figure,
        verdicts(service, entries[0].at),
        phases(service),
        images(said) if said else "",
    )


def _notes(about: Began | None) -> list[Markup]:
    if about is None:
        return []
    return [
        tag("h2", "How to read this"),
        tag(
            "p",
            "Evidence is told as far as it has come to its bound, on a scale of logarithms, since evidence multiplies. "
            "One measure or sign that is sick is enough; well takes all of them. Requests are counted from the "
            "beginning of a phase, and in the first table over all phases; figures in the charts are of the time since "
            "the point before. At 100 % stable answers nothing any more: its figures there are of the time before, to "
            "compare with.",
            class_="muted",
        ),
    ]

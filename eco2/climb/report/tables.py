"""The tables of a report: phases, verdicts with their evidence, and what was done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from eco2.climb.report.markup import Markup, tag, together
from eco2.terminal.climb.lines import beside_outcome, counted, lines_of, percent, share
from eco2.terminal.climb.reasons import Reasons
from eco2.terminal.lengths import clock, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from eco2.climb.events import Entry, Looked
    from eco2.climb.report.figures import Course, Stay
    from rollout.judge.verdict import Verdict, Weighed


def overview(services: Sequence[Course]) -> Markup:
    """One row a service, with a link to its part of the page."""
    head = ("service", "phase", "last answer", "canary: requests", "failed", "stable: requests", "failed")
    return _table("In short", head, tag("tbody", *map(_in_short, services)), figures=range(3, len(head)))


def _in_short(service: Course) -> Markup:
    look = next((stay.look[1] for stay in reversed(service.stays) if stay.look), None)
    answer = look.verdict.answer if look else "no look was taken"
    return tag(
        "tr",
        tag("th", tag("a", service.name, href=f"#{service.name}"), scope="row"),
        tag("td", service.stays[-1].name),
        tag("td", answer, class_=_kind("answer", answer)),
        *_all_counts(service),
    )


def _all_counts(service: Course) -> Iterator[Markup]:
    """Of all phases together."""
    for version in ("canary", "stable"):
        requests = sum(span.requests.get(version, 0) for span in service.spans)
        failed = sum(span.failed.get(version, 0) for span in service.spans)
        told_failed = f"{failed:,.0f} ({percent(failed / requests)})" if requests else "-"
        yield tag("td", f"{requests:,.0f}", class_="figure")
        yield tag("td", told_failed, class_="figure")


def _counts(look: Looked | None) -> Iterator[Markup]:
    for version in ("canary", "stable"):
        for of in (counted, share):
            yield tag("td", of(look, version) if look else "", class_="figure")


def images(of: Mapping[str, str]) -> Markup:
    """Which image is which."""
    rows = (tag("tr", tag("th", version, scope="row"), tag("td", tag("code", of[version]))) for version in of)
    return _table("Images", ("version", "image"), tag("tbody", *rows))


def phases(service: Course) -> Markup:
    """Where the service was for how long, and what was counted there."""
    head = ("phase", "from", "for", "canary: requests", "failed", "stable: requests", "failed")
    rows = (_phase(stay) for stay in service.stays if stay.end > stay.begin or stay.look)
    return _table("Phases", head, tag("tbody", *rows), figures=range(1, len(head)))


def _phase(stay: Stay) -> Markup:
    cells = (clock(stay.begin), told(stay.end - stay.begin))
    return tag(
        "tr",
        tag("th", stay.name, scope="row"),
        *(tag("td", cell, class_="figure") for cell in cells),
        *_counts(stay.look[1] if stay.look else None),
    )


def verdicts(service: Course, first: datetime) -> Markup:
    """Each verdict with its evidence, and at the end what was known where there was none."""
    bodies = []
    for stay in service.stays:
        for at, judged, look in stay.judged:
            said = f"phase {judged.phase} ({judged.weight} %), after {told(judged.seconds_in_phase)}: "
            bodies.append(_verdict(first + timedelta(seconds=at), said, judged.answer, judged.words, look))
    last = next((stay for stay in reversed(service.stays) if stay.look), None)
    if last and last.look and not last.judged:
        at, look = last.look
        said = f"the last look, phase {look.phase} ({look.weight} %), after {told(look.seconds_in_phase)}: "
        bodies.append(
            _verdict(first + timedelta(seconds=at), said, look.verdict.answer, look.verdict.words, look)
        )
    if not bodies:
        return tag("p", "No look was taken.", class_="muted")
    head = ("measure or sign", "answer", "figures", "evidence of sick", "evidence of well")
    return _table("Verdicts, each with what led to it", head, *bodies)


def _verdict(at: datetime, said: str, answer: str, words: str, look: Looked | None) -> Markup:
    verdict: Verdict | None = look.verdict if look else None
    title = together(f"{at:%H:%M:%S} ", said, tag("span", answer, class_=_kind("answer", answer)))
    rows = [_weighed(one) for one in verdict.parts] if verdict else [tag("tr", tag("td", words, colspan=5))]
    return tag("tbody", tag("tr", tag("th", title, colspan=5, scope="rowgroup"), class_="verdict"), *rows)


def _weighed(one: Weighed) -> Markup:
    return tag(
        "tr",
        tag("th", one.name, scope="row"),
        tag("td", one.answer, class_=_kind("answer", one.answer)),
        tag("td", one.words, class_="words"),
        _evidence(one.sick, "sick"),
        _evidence(one.well, "well"),
    )


def _kind(name: str, answer: str) -> str:
    return f"{name} {answer}" if answer in {"well", "sick"} else name


def _evidence(part: float | None, kind: str) -> Markup:
    if part is None:
        return tag("td")
    # What has not reached its bound is not told as if it had.
    full = 100 if part >= 1 else min(round(part * 100), 99)
    bar = tag("span", tag("i", style=f"width:{full}%"), class_=f"bar {kind}", aria_hidden="true")
    return tag("td", bar, f"{full} %", class_="when")


def events(entries: Sequence[Entry]) -> Markup:
    """What was done, line by line."""
    reasons = Reasons()
    end = next((beside_outcome(one.event) for one in entries if one.event.event == "ended"), "")
    for entry in entries:
        if entry.event.event == "judged" and entry.event.words in end:
            reasons.told(entry.event.words)  # it stands at the page's top, in full
    rows = (_event(entry, entries[0].at, reasons) for entry in entries if entry.event.event != "looked")
    return _table("What was done", ("time", "after", "what"), tag("tbody", *rows))


def _event(entry: Entry, first: datetime, reasons: Reasons) -> Markup:
    time = tag("time", f"{entry.at:%H:%M:%S}", datetime=entry.at.isoformat(timespec="seconds"))
    return tag(
        "tr",
        tag("td", time, class_="when"),
        tag("td", clock((entry.at - first).total_seconds()), class_="when"),
        tag("td", *_broken(lines_of(entry.event, reasons)), class_="words"),
    )


def _broken(lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number:
            yield tag("br")
        yield line


def _table(caption: str, head: Sequence[str], *bodies: Markup, figures: Sequence[int] = ()) -> Markup:
    titles = (
        tag("th", title, scope="col", class_="figure" if place in figures else None)
        for place, title in enumerate(head)
    )
    table = tag("table", tag("caption", caption), tag("thead", tag("tr", *titles)), *bodies)
    return wide(caption, table)


def wide(label: str, inside: Markup) -> Markup:
    """What may be wider than a window, and is moved by keys, too."""
    return tag("div", inside, class_="wide", tabindex=0, role="group", aria_label=label)

"""Charts of one service over time as one SVG: the split, failed requests and latency, with what was done.

Drawn by hand, as few lines and areas need no library. Colours are classes, so that the page's style gives those of a
light and a dark ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eco2.climb.report.markup import Markup, tag
from eco2.climb.report.spans import VERSIONS, Span
from eco2.terminal.lengths import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eco2.climb.report.figures import Course, Mark

WIDTH, LEFT, RIGHT = 960, 64, 944
MARKS_TOP: Final = 13
SPLIT: Final = (58, 168)
FAILED: Final = (204, 304)
LATENCY: Final = (340, 440)
"""Top and bottom of the three charts."""

HEIGHT: Final = 474
LABEL_GAP: Final = 58
"""Labels of marks nearer to each other than this stand on two lines."""

TICKS: Final = 8
STEPS: Final = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)
NICE: Final = (1, 2, 2.5, 5, 10)
LEAST_SHARE: Final = 0.004
"""The top of the chart of failed requests is at least this, so that one failed request is no mountain."""


def chart(service: Course) -> Markup:
    """Draws a service's climb."""

    def x(at: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * min(max(at, 0.0), service.seconds) / service.seconds, 1)

    shares = [
        share for span in service.spans for one in VERSIONS if (share := span.failed_share(one)) is not None
    ]
    worst = _nice(max([LEAST_SHARE, *shares]))
    slowest = _nice(max([1.0, *(ms for span in service.spans for ms in span.latency_ms.values())]))
    return tag(
        "svg",
        tag("title", f"{service.name} over time"),
        tag("desc", _described(service)),
        *_split(service, x),
        *_frame(FAILED, "failed requests", _percent(worst)),
        *_lines(service.spans, FAILED, x, lambda span, version: _part(span.failed_share(version), worst)),
        *_frame(
            LATENCY,
            service.latency if service.latency == "latency" else f"latency, {service.latency}",
            f"{slowest:g} ms",
        ),
        *_lines(
            service.spans, LATENCY, x, lambda span, version: _part(span.latency_ms.get(version), slowest)
        ),
        *_times(service.seconds, x),
        *_marks(service.marks, x),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="chart",
    )


def _described(service: Course) -> str:
    marks = "; ".join(f"{mark.what} after {told(mark.at)}" for mark in service.marks)
    return (
        f"The canary's share, failed requests and latency by version. {marks}. The tables have the figures."
    )


def _part(value: float | None, top: float) -> float | None:
    return None if value is None else min(value / top, 1.0)


def _nice(most: float) -> float:
    """The next round figure."""
    size = 1.0
    while size * 10 < most:
        size *= 10
    while size > most:
        size /= 10
    return next(size * step for step in NICE if size * step >= most * 0.999)


def _percent(part: float) -> str:
    return f"{part * 100:.3g} %"


def _split(service: Course, x: Callable[[float], float]) -> Iterator[Markup]:
    """What the canary answered as an area, and the weight that was set as a line."""
    top, bottom = SPLIT

    def y(share: float) -> float:
        return round(bottom - (bottom - top) * share, 1)

    yield from _frame(SPLIT, "canary's share of requests", "100 %")
    for run in _runs(service.spans, lambda span: span.canary_share):
        points = [(x(end), y(share)) for begin, end, share in run for end in (begin, end)]
        corners = [(points[0][0], bottom), *points, (points[-1][0], bottom)]
        yield tag("polygon", points=_points(corners), class_="share")
    steps = [(x(at), y((stay.weight or 0) / 100)) for stay in service.stays for at in (stay.begin, stay.end)]
    yield tag("polyline", points=_points(steps), class_="weight")


def _lines(
    spans: Sequence[Span],
    place: tuple[int, int],
    x: Callable[[float], float],
    part: Callable[[Span, str], float | None],
) -> Iterator[Markup]:
    top, bottom = place
    for version in VERSIONS:
        for run in _runs(spans, lambda span, version=version: part(span, version)):  # type: ignore[misc]
            points = [
                (x(at), round(bottom - (bottom - top) * height, 1))
                for one in run
                for at, height in _ends(one)
            ]
            yield tag("polyline", points=_points(points), class_=f"line {version}")


def _ends(one: tuple[float, float, float]) -> Iterator[tuple[float, float]]:
    begin, end, height = one
    yield begin, height
    yield end, height


def _runs(
    spans: Sequence[Span], value: Callable[[Span], float | None]
) -> Iterator[list[tuple[float, float, float]]]:
    """Spans in which there is a value, as begin, end and value; a new run where one has none, or time is missing."""
    run: list[tuple[float, float, float]] = []
    for span in spans:
        found = value(span)
        if run and (found is None or span.begin > run[-1][1] + 1):
            yield run
            run = []
        if found is not None:
            run.append((span.begin, span.end, found))
    if run:
        yield run


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{across:g},{down:g}" for across, down in points)


def _frame(place: tuple[int, int], title: str, top_label: str) -> Iterator[Markup]:
    top, bottom = place
    yield tag("rect", x=LEFT, y=top, width=RIGHT - LEFT, height=bottom - top, class_="ground")
    yield tag("line", x1=LEFT, y1=(top + bottom) / 2, x2=RIGHT, y2=(top + bottom) / 2, class_="grid")
    yield tag("text", title, x=LEFT, y=top - 7, class_="name")
    yield tag("text", top_label, x=LEFT - 8, y=top + 10, class_="scale")
    yield tag("text", "0", x=LEFT - 8, y=bottom, class_="scale")


def _marks(marks: Sequence[Mark], x: Callable[[float], float]) -> Iterator[Markup]:
    high = False
    before: float | None = None
    for mark in marks:
        at = x(mark.at)
        yield tag("line", x1=at, y1=SPLIT[0], x2=at, y2=LATENCY[1], class_=f"mark {mark.kind}")
        if mark.kind in {"well", "sick"}:
            yield _triangle(at, mark)
            continue
        high = before is not None and at - before < LABEL_GAP and not high
        before = at
        anchor = "end" if at > RIGHT - LABEL_GAP / 2 else "middle"
        yield tag(
            "text",
            mark.what,
            x=at,
            y=MARKS_TOP + (0 if high else 15),
            text_anchor=anchor,
            class_=f"label {mark.kind}",
        )


def _triangle(at: float, mark: Mark) -> Markup:
    """A verdict, at the top of the line."""
    top = SPLIT[0]
    corners = [(at - 6, top - 9.0), (at + 6, top - 9.0), (at, float(top))]
    return tag(
        "polygon",
        tag("title", f"{mark.what} after {told(mark.at)}"),
        points=_points(corners),
        class_=f"verdict {mark.kind}",
    )


def _times(seconds: float, x: Callable[[float], float]) -> Iterator[Markup]:
    step = next((one for one in STEPS if seconds / one <= TICKS), STEPS[-1])
    bottom = LATENCY[1]
    for number in range(int(seconds // step) + 1):
        at = x(number * step)
        yield tag("line", x1=at, y1=bottom, x2=at, y2=bottom + 5, class_="tick")
        yield tag(
            "text",
            told(number * step) if number else "0",
            x=at,
            y=bottom + 20,
            text_anchor="middle",
            class_="time",
        )


def legend() -> Markup:
    """What the colours and lines are."""
    keys = (
        ("line stable", "stable"), ("line canary", "canary"), ("share", "canary's share"),
        ("weight", "weight that was set"), ("verdict well", "well"), ("verdict sick", "sick"),
    )  # fmt: skip
    return tag("ul", *(tag("li", _key(kind), word) for kind, word in keys), class_="legend")


def _key(kind: str) -> Markup:
    if kind.startswith("verdict"):
        drawn = tag("polygon", points="6,2 18,2 12,12", class_=kind)
    elif kind == "share":
        drawn = tag("rect", x=2, y=1, width=20, height=12, class_=kind)
    else:
        drawn = tag("line", x1=1, y1=7, x2=23, y2=7, class_=kind)
    return tag("svg", drawn, viewBox="0 0 24 14", width=24, height=14, aria_hidden="true")

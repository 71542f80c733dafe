"""A chart of a load as SVG: the share of the canary and the failed requests over time, and what changed when.

Drawn by hand: one stacked area, one row of bars and some lines need no library, and the smallest
one that draws them (matplotlib) brings 100 MB along. The colours are those of the terminal view.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 960, 388
LEFT, RIGHT = 56, 944
SHARE_TOP, SHARE_BOTTOM = 92, 296
FAILED_TOP, FAILED_BOTTOM = 324, 358
STABLE, CANARY, FAILED = "#8fd3dd", "#f2b92c", "#d92d20"
INK, MUTED, GRID = "#1f2933", "#5b6670", "#e4e8eb"
LABEL_GAP = 46
"""Labels of marks nearer to each other than this stand on two lines."""
TICKS = 10
NICE_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


def chart(told: Mapping[str, Any], title: str) -> str:
    """Draws a load.

    Args:
        told: The load's counts as `lab traffic --json` gives them: `seconds` with the answers by
            version of each second, `marks` with the changes of the split, `sent` and `failed`.
        title: What is shown.

    Returns:
        An SVG document with a white ground, so that it reads well on a dark page, too.
    """
    seconds: Sequence[Mapping[str, Any]] = told["seconds"]
    begin = float(seconds[0]["at"]) if seconds else 0.0
    length = max(float(seconds[-1]["at"]) - begin + 1 if seconds else 1.0, 1.0)

    def x(at: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * min(max(at - begin, 0.0), length) / length, 1)

    drawn = [
        _text(LEFT, 28, title, size=17, weight=600),
        _text(LEFT, 50, _summary(told), fill=MUTED),
        _text(LEFT - 8, SHARE_TOP - 24, "share", anchor="end", fill=MUTED),
        _text(LEFT - 8, FAILED_TOP - 6, "failed", anchor="end", fill=MUTED),
        *_legend(),
        *_grid(),
        *_share(seconds, x),
        *_failed(seconds, x),
        *_marks(told.get("marks", ()), x, begin),
        *_times(length, x, begin),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" font-family="system-ui, -apple-system, Segoe UI, Helvetica, '
        f'Arial, sans-serif" font-size="13">'
    )
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, *drawn, "</svg>", ""])


def canary_share(counts: Mapping[str, Any]) -> float | None:
    """The canary's part of a second's answers, 0 to 1; None without an answer."""
    answered = counts.get("v1", 0) + counts.get("v2", 0)
    return counts.get("v2", 0) / answered if answered else None


def _summary(told: Mapping[str, Any]) -> str:
    counts = list(told["seconds"])
    # The first and the last second are not whole ones.
    whole = counts[1:-1] or counts
    rate = sum(_total(one) for one in whole) / max(len(whole), 1)
    return f"{told['sent']:,} requests at {rate:.0f} a second, {told['failed']:,} failed"


def _total(counts: Mapping[str, Any]) -> int:
    return sum(int(number) for key, number in counts.items() if key != "at")


def _legend() -> list[str]:
    drawn, at = [], RIGHT - 202
    for word, colour in (("stable", STABLE), ("canary", CANARY), ("failed", FAILED)):
        drawn.append(f'<rect x="{at}" y="18" width="12" height="12" rx="2" fill="{colour}"/>')
        drawn.append(_text(at + 17, 28, word))
        at += 72
    return drawn


def _grid() -> list[str]:
    size = f'width="{RIGHT - LEFT}" height="{SHARE_BOTTOM - SHARE_TOP}"'
    return [
        f'<rect x="{LEFT}" y="{SHARE_TOP}" {size} fill="{STABLE}"/>',
        *(
            _text(LEFT - 8, _height(share / 100) + 4, f"{share} %", anchor="end", fill=MUTED)
            for share in (0, 25, 50, 75, 100)
        ),
        _text(LEFT - 8, FAILED_BOTTOM + 1, "0", anchor="end", fill=MUTED),
        _line(LEFT, FAILED_BOTTOM, RIGHT, FAILED_BOTTOM, GRID),
    ]


def _share(seconds: Sequence[Mapping[str, Any]], x: Any) -> list[str]:
    """The canary's share as a filled step line over stable's ground, with the grid upon it."""
    steps = []
    for one in seconds:
        if (share := canary_share(one)) is not None:
            height = _height(share)
            steps += [f"{x(one['at'])},{height}", f"{x(one['at'] + 1)},{height}"]
    drawn = []
    if steps:
        first, last = steps[0].split(",")[0], steps[-1].split(",")[0]
        points = " ".join([f"{first},{SHARE_BOTTOM}", *steps, f"{last},{SHARE_BOTTOM}"])
        drawn.append(f'<polygon points="{points}" fill="{CANARY}"/>')
    grid = (_height(share / 100) for share in (25, 50, 75))
    return [*drawn, *(_line(LEFT, height, RIGHT, height, "#ffffff", opacity=0.6) for height in grid)]


def _height(share: float) -> float:
    return round(SHARE_BOTTOM - (SHARE_BOTTOM - SHARE_TOP) * share, 1)


def _failed(seconds: Sequence[Mapping[str, Any]], x: Any) -> list[str]:
    most = max((one.get("failed", 0) for one in seconds), default=0)
    if not most:
        return [_text(LEFT + 6, FAILED_BOTTOM - 8, "no failed request", fill=MUTED)]
    drawn = [_text(LEFT - 8, FAILED_TOP + 10, str(most), anchor="end", fill=FAILED)]
    for one in seconds:
        if number := one.get("failed", 0):
            # A single failure must be seen.
            height = max((FAILED_BOTTOM - FAILED_TOP) * number / most, 2.0)
            left, right = x(one["at"]), x(one["at"] + 1)
            drawn.append(
                f'<rect x="{left}" y="{FAILED_BOTTOM - height:.1f}" width="{max(right - left, 1.0):.1f}" '
                f'height="{height:.1f}" fill="{FAILED}"/>'
            )
    return drawn


def _marks(marks: Sequence[Mapping[str, Any]], x: Any, begin: float) -> list[str]:
    """A line where the split changed at the proxy, and what it is since; the state at the start has none."""
    shown = [mark for mark in marks if mark["at"] > begin + 1]
    raised = [False]
    for before, after in pairwise(shown):
        raised.append(x(after["at"]) - x(before["at"]) < LABEL_GAP and not raised[-1])
    drawn = []
    for mark, high in zip(shown, raised, strict=False):
        at, top = x(mark["at"]), SHARE_TOP - (22 if high else 6)
        drawn.append(_line(at, top + 4, at, FAILED_BOTTOM, INK, opacity=0.55, dash="3 3"))
        drawn.append(_text(at, top, mark["what"], anchor="middle", weight=600))
    return drawn


def _times(length: float, x: Any, begin: float) -> list[str]:
    step = next((one for one in NICE_STEPS if length / one <= TICKS), NICE_STEPS[-1])
    drawn, at = [], 0
    while at <= length:
        place = x(begin + at)
        drawn.append(_line(place, FAILED_BOTTOM, place, FAILED_BOTTOM + 5, MUTED))
        drawn.append(_text(place, FAILED_BOTTOM + 20, f"{at} s", anchor="middle", fill=MUTED))
        at += step
    return drawn


def _line(  # noqa: PLR0917  # the ends of a line are four numbers
    x1: float, y1: float, x2: float, y2: float, colour: str, opacity: float = 1.0, dash: str = ""
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-opacity="{opacity}"{dashes}/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    fill: str = INK,
    size: int = 13,
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )

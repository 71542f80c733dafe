"""The chart of a load, from known counts."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from lab.traffic.chart import CANARY, FAILED, LEFT, RIGHT, SHARE_BOTTOM, SHARE_TOP, canary_share, chart

SVG = "{http://www.w3.org/2000/svg}"


def load(*seconds, marks=()):
    counts = [{"at": 100 + number, **one} for number, one in enumerate(seconds)]
    failed = sum(one.get("failed", 0) for one in counts)
    sent = sum(number for one in counts for key, number in one.items() if key != "at")
    shown = [{"at": at, "what": what} for at, what in marks]
    return {"seconds": counts, "marks": shown, "sent": sent, "failed": failed}


def drawn(told, title="a rollout"):
    # What is parsed was written a line above.
    return ET.fromstring(chart(told, title))  # noqa: S314


def texts(root):
    return [one.text for one in root.iter(f"{SVG}text")]


def of_colour(root, kind, colour):
    return [one for one in root.iter(f"{SVG}{kind}") if one.get("fill") == colour]


def test_the_canary_takes_its_share_of_the_height():
    root = drawn(load({"v1": 200}, {"v1": 150, "v2": 50}, {"v2": 200}))
    (area,) = of_colour(root, "polygon", CANARY)
    points = [tuple(map(float, point.split(","))) for point in area.get("points").split()]
    quarter = SHARE_BOTTOM - (SHARE_BOTTOM - SHARE_TOP) / 4
    third = (RIGHT - LEFT) / 3
    heights = {round(x): y for x, y in points[1:-1:2]}
    assert heights[LEFT] == SHARE_BOTTOM
    assert heights[round(LEFT + third)] == pytest.approx(quarter)
    assert heights[round(LEFT + 2 * third)] == SHARE_TOP


def test_a_single_failure_is_seen_and_told():
    root = drawn(load({"v1": 200}, {"v1": 199, "failed": 1}, {"v1": 200}))
    bars = [one for one in of_colour(root, "rect", FAILED) if float(one.get("y")) > SHARE_BOTTOM]
    assert len(bars) == 1
    assert float(bars[0].get("height")) >= 2
    assert any("600 requests" in text and "1 failed" in text for text in texts(root))
    assert "no failed request" not in texts(root)


def test_without_a_failure_it_says_so():
    root = drawn(load({"v1": 200}, {"v1": 200}))
    assert "no failed request" in texts(root)
    assert not [one for one in of_colour(root, "rect", FAILED) if float(one.get("y")) > SHARE_BOTTOM]


def test_a_change_of_the_split_has_a_line_at_its_moment_and_the_state_at_the_start_has_none():
    root = drawn(load(*[{"v1": 200}] * 10, marks=[(100.1, "off"), (105.0, "5 %"), (105.2, "20 %")]))
    dashed = [one for one in root.iter(f"{SVG}line") if one.get("stroke-dasharray")]
    assert len(dashed) == 2
    assert float(dashed[0].get("x1")) == pytest.approx(LEFT + (RIGHT - LEFT) / 2, abs=0.1)
    assert "off" not in texts(root)
    # Two that are near do not hide each other.
    labels = {one.text: float(one.get("y")) for one in root.iter(f"{SVG}text")}
    assert labels["5 %"] - labels["20 %"] >= 13


def test_a_second_without_an_answer_has_no_share():
    assert canary_share({"at": 1, "failed": 3}) is None
    assert canary_share({"at": 1, "v1": 3, "v2": 1}) == 0.25
    drawn(load({"failed": 3}))


def test_nothing_sent_and_a_title_with_signs_are_drawn():
    assert "a < b & c" in texts(drawn(load(), "a < b & c"))

"""The charts of a climb's page: spans between looks, phases, gaps, and points inside the frame."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

from eco2.climb.events import Raised
from eco2.climb.report.chart import chart
from eco2.climb.report.figures import course
from eco2.climb.report.spans import MOST_SPANS
from tests.climb_pages import began, entry, look
from tests.climbs import NAMES, Climb


def test_charts_show_what_came_between_two_looks_and_not_since_the_phase_began():
    entries = [
        began("auth-api"),
        look(10, 2, (1000, 50), (10, 0), seconds_in_phase=10.0),
        look(20, 2, (2000, 100), (10, 5), seconds_in_phase=20.0),
        look(30, 2, (3000, 100), (10, 5), seconds_in_phase=30.0),
    ]
    spans = course("auth-api", entries).spans
    assert [(one.begin, one.end) for one in spans] == [(0, 10), (10, 20), (20, 30)]
    assert [one.failed_share("stable") for one in spans] == [0.01, 0, 0]
    assert [one.failed_share("canary") for one in spans] == [0, 0.1, None]
    assert [one.canary_share for one in spans] == [50 / 1050, 50 / 1050, 0]


def test_counts_begin_anew_with_a_phase_and_after_a_reset():
    entries = [
        began("auth-api"),
        look(10, 2, (1000, 50), (0, 0)),
        entry(15, Raised({"auth-api": 3}, {"auth-api": 20}, 4.0, "why")),
        look(25, 3, (1100, 200), (11, 0), seconds_in_phase=10.0),
        look(40, 3, (10, 10), (1, 0), seconds_in_phase=15.0),
    ]
    spans = course("auth-api", entries).spans
    assert [(one.begin, one.end) for one in spans] == [(5, 10), (15, 25), (25, 40)]
    assert [one.failed_share("stable") for one in spans] == [0, 0.01, 0.1]


def test_at_full_weight_what_stable_did_before_is_no_part_of_the_split():
    entries = [
        began("auth-api"),
        entry(1, Raised({"auth-api": 5}, {"auth-api": 100}, 1.0, "why")),
        look(11, 5, (60000, 900), (60, 9), weight=100, seconds_in_phase=10.0),
        look(21, 5, (60000, 1900), (60, 9), weight=100, seconds_in_phase=20.0),
    ]
    spans = course("auth-api", entries).spans
    assert [one.canary_share for one in spans] == [1, 1]
    assert [one.failed_share("stable") for one in spans] == [None, None]
    assert [one.failed_share("canary") for one in spans] == [0.01, 0]


def test_one_that_was_at_its_phase_for_long_is_drawn_from_when_the_climb_began():
    entries = [began("auth-api"), look(5, 2, (1000, 50), (0, 0), seconds_in_phase=4000.0)]
    assert course("auth-api", entries).spans[0].begin == 0


def test_looks_of_hours_become_as_many_spans_as_can_be_told_apart():
    entries = Climb(NAMES[:1], soak=7000, away=(0, 0)).entries
    found = course("auth-api", entries)
    assert MOST_SPANS / 2 < len(found.spans) <= MOST_SPANS + 8
    requests = sum(one.requests["canary"] for one in found.spans)
    assert requests == sum(stay.look[1].requests["canary"] for stay in found.stays if stay.look)
    shortest = (entries[-1].at - entries[0].at).total_seconds() / MOST_SPANS / 2
    # What is left over at the end of a phase is no spike of its own.
    assert min(one.end - one.begin for one in found.spans) >= shortest


def test_phases_follow_each_other_and_the_first_stroke_ends_the_last():
    found = course("scan-api", Climb(NAMES[:2], sick="scan-api").entries)
    assert [stay.name for stay in found.stays] == ["1, header", "2, 5 %", "3, 20 %", "4, 50 %", "0, off"]
    assert all(one.end == other.begin for one, other in pairwise(found.stays))
    struck = next(mark.at for mark in found.marks if mark.kind == "struck")
    assert found.stays[-1].begin == struck
    assert [mark.what for mark in found.marks] == [
        "5 %",
        "well",
        "20 %",
        "well",
        "50 %",
        "sick",
        "taken back",
    ]


def test_the_line_of_the_weight_has_steps_and_no_slopes():
    drawn = ET.fromstring(chart(course("auth-api", Climb().entries)))  # noqa: S314
    line = next(one for one in drawn.iter("polyline") if one.get("class") == "weight")
    points = [tuple(map(float, one.split(","))) for one in line.get("points").split()]
    assert all(one[0] == other[0] or one[1] == other[1] for one, other in pairwise(points))
    assert [down for (_, down), (_, before) in zip(points[1:], points, strict=False) if down != before] == [
        162.5, 146, 113, 58, 168,
    ]  # fmt: skip


def test_a_prometheus_that_was_away_is_a_gap_and_not_a_zero():
    entries = [
        began("auth-api"),
        *(look(at, 2, (at * 10, at), (0, 0), seconds_in_phase=float(at)) for at in range(10, 100, 10)),
        *(
            look(at, 2, (900, 90), (0, 0), seconds_in_phase=float(at), latency_ms={})
            for at in range(100, 200, 10)
        ),
        *(look(at, 2, (at * 10, at), (0, 0), seconds_in_phase=float(at)) for at in range(210, 300, 10)),
    ]
    drawn = ET.fromstring(chart(course("auth-api", entries)))  # noqa: S314
    lines = [one for one in drawn.iter("polyline") if one.get("class") == "line canary"]
    assert len(lines) == 4  # failed and latency, each before and after
    assert sum(one.get("class") == "share" for one in drawn.iter("polygon")) == 2


def test_every_point_is_inside_the_chart():
    for climb in (Climb(NAMES[:2], sick="scan-api"), Climb(rate=0.1, soak=60, give_up=60, away=(0, 10**6))):
        for name in climb.services:
            drawn = ET.fromstring(chart(course(name, climb.entries)))  # noqa: S314
            for one in drawn.iter():
                for across, down in re.findall(r"([-\d.e+]+),([-\d.e+]+)", one.get("points", "")):
                    assert 0 <= float(across) <= 960
                    assert 0 <= float(down) <= 474

"""The page of a climb: its figures, its charts, and that nothing in it is more than text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from eco2.climb.events import Began, Ended, Entry, Judged, Looked, Raised, Struck, Waits
from eco2.climb.report.chart import chart
from eco2.climb.report.figures import course
from eco2.climb.report.markup import Markup, tag
from eco2.climb.report.page import page
from eco2.climb.report.spans import MOST_SPANS
from eco2.climb.report.style import COLOURS
from rollout.judge.verdict import Verdict, Weighed
from tests.climbs import BEGAN, NAMES, Climb

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</title></style></svg><iframe src=//evil.test>",
    "]]><!-- -->&lt;b&gt;",
    "\x1b[2Jgone\u202etxt.exe\u2028\x00\ud800",
    "' style='background:url(//evil.test)' x='",
)
ATTRIBUTES = {
    "aria-hidden", "aria-label", "charset", "class", "colspan", "content", "datetime", "height", "href", "http-equiv",
    "id", "lang", "name", "points", "role", "scope", "style", "tabindex", "text-anchor", "viewBox", "width", "x", "x1",
    "x2", "y", "y1", "y2",
}  # fmt: skip
ELEMENTS = {
    "a", "body", "br", "caption", "code", "desc", "div", "figure", "h1", "h2", "head", "html", "i", "li", "line",
    "main", "meta", "p", "polygon", "polyline", "rect", "section", "span", "strong", "style", "svg", "table", "tbody",
    "td", "text", "th", "thead", "time", "title", "tr", "ul",
}  # fmt: skip


def parsed(text):
    """The page as a tree; it is written so that a strict parser takes it."""
    assert text.startswith("<!doctype html>\n")
    return ET.fromstring(text.removeprefix("<!doctype html>\n"))  # noqa: S314  # our own


def words(element):
    return " ".join("".join(element.itertext()).split())


def table(tree, caption, place=0):
    found = [one for one in tree.iter("table") if words(one.find("caption")) == caption]
    return [[words(cell) for cell in row] for row in found[place].iter("tr")]


def look(at, phase, requests, failed, answer="not known", service="auth-api", **more):
    """An entry: counts are of stable and canary since the phase began."""
    parts = (
        Weighed("failed", answer, "figures of it", 0.25, 0.999),
        Weighed("pods", "well", "2 of 2 pods ready"),
    )
    given = {"seconds_in_phase": 5.0, "latency_ms": {"stable": 20.0, "canary": 40.0}, "weight": 20, **more}
    verdict = Verdict(service, answer, parts)
    counts = [dict(zip(("stable", "canary"), one, strict=True)) for one in (requests, failed)]
    return entry(
        at,
        Looked(
            service, phase, given["weight"], given["seconds_in_phase"], *counts, given["latency_ms"], verdict
        ),
    )


def entry(at, event):
    return Entry(BEGAN + timedelta(seconds=at), event)


def began(*services, **more):
    given = {
        "images": {one: {"stable": f"{one}:1", "canary": f"{one}:2"} for one in services},
        "phases": dict.fromkeys(services, 2), "weights": dict.fromkeys(services, 5), **more,
    }  # fmt: skip
    return entry(0, Began("prod", services, 5, True, 600, 7200, moves=True, **given))


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


def test_each_verdict_stands_with_its_evidence():
    tree = parsed(page(Climb(NAMES[:2], sick="scan-api").entries))
    caption = "Verdicts, each with what led to it"
    rows = table(tree, caption, 1)
    assert rows[0] == ["measure or sign", "answer", "figures", "evidence of sick", "evidence of well"]
    last = rows[-5:]
    assert re.fullmatch(
        r"09:2\d:\d\d phase 4 \(50 %\), after 1 min( \d+ s)?: sick|.*after \d+ s: sick", last[0][0]
    )
    assert last[1][:2] == ["failed", "sick"]
    assert "worse by more than 0.5 points" in last[1][2]
    assert last[1][3] == "100 %"
    assert last[4] == ["pods", "well", "2 of 2 pods ready, no restarts", "", ""]
    # The other one was taken back without a verdict at this phase; its last look is told.
    assert "the last look, phase 4" in table(tree, caption, 0)[-5][0]


def test_evidence_that_has_not_reached_its_bound_is_not_told_as_if_it_had():
    entries = [
        began("auth-api"),
        look(10, 2, (1000, 50), (0, 0)),
        entry(11, Judged("auth-api", 2, 5, "not known", "x", 5)),
    ]
    tree = parsed(page(entries))
    row = next(row for row in table(tree, "Verdicts, each with what led to it") if row[0] == "failed")
    assert row[3:] == ["25 %", "99 %"]


def test_the_page_names_the_outcome_images_phases_and_durations():
    entries = Climb(NAMES[:2], sick="scan-api").entries
    tree = parsed(page(entries))
    assert words(tree.find("head/title")) == "Climb of auth-api, scan-api on prod: sick"
    told = words(tree.find("body"))
    assert "scan-api is sick; all are back at phase 0" in told
    assert "2026-11-27 09:00:00 to 09:2" in told
    assert "at least 10 min at a phase, gives up after 2 h" in told
    assert "latency, p95" in told
    assert ["canary", "registry.example/eco2/scan-api:0.8.0"] in table(tree, "Images", 1)
    phase = next(row for row in table(tree, "Phases", 1) if row[0] == "2, 5 %")
    assert re.fullmatch(r"0:\d\d", phase[1])
    assert phase[2].startswith("10 min")
    short = table(tree, "In short")
    assert [row[0] for row in short[1:]] == ["auth-api", "scan-api"]
    assert short[2][1:3] == ["0, off", "sick"]
    assert any("no request meets the canary any more" in row[2] for row in table(tree, "What was done"))


def test_in_short_counts_all_phases_together():
    entries = [
        began("auth-api"),
        look(10, 2, (1000, 50), (2, 0)),
        look(20, 2, (2000, 100), (4, 1), seconds_in_phase=15.0),
        entry(25, Raised({"auth-api": 3}, {"auth-api": 20}, 4.0, "why")),
        look(35, 3, (800, 200), (1, 2), seconds_in_phase=10.0),
        entry(36, Raised({"auth-api": 5}, {"auth-api": 100}, 1.0, "why")),
        look(46, 5, (60000, 1700), (60, 1), weight=100, seconds_in_phase=10.0),
    ]
    row = table(parsed(page(entries)), "In short")[1]
    assert row[3:] == ["2,000", "4 (0.20 %)", "2,800", "5 (0.18 %)"]


def test_the_reason_for_sick_is_in_full_at_the_top_and_in_short_in_the_lines():
    why = "50.0 % of 200 requests failed, 0.1 % of stable's 800: worse by 0.5 points"
    entries = [
        began("auth-api"),
        entry(9, Judged("auth-api", 2, 5, "sick", why, 9.0)),
        entry(10, Struck(["auth-api"], {"auth-api": why}, 0.3)),
        entry(11, Ended("sick", f"auth-api: {why}. auth-api taken back to stable", 5, 11.0)),
    ]
    told = words(parsed(page(entries)).find("body"))
    assert told.index(why) < told.index("What was done")
    lines = [row[2] for row in table(parsed(page(entries)), "What was done")[1:]]
    assert not any("worse by" in line for line in lines)
    assert sum("50.0 % of 200 requests failed" in line for line in lines) == 3


def test_a_climb_that_is_not_over_says_so():
    tree = parsed(page(Climb().entries[:40]))
    assert words(tree.find("head/title")) == "Climb of auth-api on prod"
    assert "no end was written" in words(tree.find("body"))


def test_a_judgement_alone_and_an_end_at_once_have_a_page():
    assert "Judgement of auth-api on prod" in page([replace_event(began("auth-api"), moves=False)])
    assert "the stack is locked" in page([entry(0, Ended("refused", "the stack is locked", 1, 0.0))])
    assert "No look was taken" in page([began("auth-api"), entry(1, Waits("x"))])


def replace_event(one, **more):
    return Entry(one.at, replace(one.event, **more))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_is_nothing_but_text(text):
    parts = (Weighed(text, "sick", text, 1.0, 0.0), Weighed(text, "not known", text))
    entries = [
        entry(0, Began(text, [text], 5, False, 1, 2, {text: {text: text}}, {text: 2}, True, {text: 5})),
        entry(1, Waits(text)),
        entry(2, Looked(text, 2, 5, 2.0, {"canary": 5}, {}, {"canary": 3.0}, Verdict(text, "sick", parts))),
        entry(3, Judged(text, 2, 5, "sick", text, 3.0)),
        entry(4, Struck([text], {text: text}, 0.3)),
        entry(5, Ended("sick", text, 5, 5.0)),
    ]
    told = page(entries)
    told.encode("utf-8")
    tree = parsed(told)
    assert {one.tag for one in tree.iter()} <= ELEMENTS
    assert {name for one in tree.iter() for name in one.attrib} <= ATTRIBUTES
    assert len(list(tree.iter("style"))) == 1
    assert all(re.fullmatch(r"width:\d+%", one.get("style")) for one in tree.iter() if one.get("style"))
    assert all(one.get("href").startswith("#") for one in tree.iter() if one.get("href"))
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\u2028]", told)


def test_markup_escapes_whatever_is_not_markup():
    assert tag("td", "<b>", Markup("<i/>"), class_='"x"') == '<td class="&quot;x&quot;">&lt;b&gt;<i/></td>'
    assert tag("line", stroke_width=2, fill=None) == '<line stroke-width="2"/>'


def test_the_page_asks_nobody_and_runs_nothing():
    told = page(Climb(NAMES[:1]).entries)
    tree = parsed(told)
    policy = next(one.get("content") for one in tree.iter("meta") if one.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in told
    assert "http" not in told.replace("http-equiv", "")
    assert "@import" not in told


def test_tables_and_charts_can_be_heard():
    tree = parsed(page(Climb(NAMES[:2]).entries))
    assert tree.get("lang") == "en"
    for one in tree.iter("table"):
        assert words(one.find("caption"))
        assert all(cell.get("scope") == "col" for cell in one.find("thead").iter("th"))
        assert all(
            cell.get("scope") in {"row", "rowgroup"}
            for body in one.findall("tbody")
            for cell in body.iter("th")
        )
    charts = [one for one in tree.iter("svg") if one.get("role") == "img"]
    assert [words(one.find("title")) for one in charts] == ["auth-api over time", "scan-api over time"]
    assert all("promoted after" in words(one.find("desc")) for one in charts)
    assert all(one.get("aria-hidden") for one in tree.iter("svg") if one.get("role") != "img")


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", COLOURS)
def test_colours_can_be_read_on_both_grounds(ground):
    colours = COLOURS[ground]
    for text in ("ink", "muted", "well", "sick"):
        for behind in ("page", "card"):
            assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    for line in ("stable", "canary", "ink", "muted", "well", "sick"):
        assert contrast(colours[line], colours["ground"]) >= 3, line
    for line in ("ink", "canary"):
        assert contrast(colours[line], colours["share"]) >= 3, line

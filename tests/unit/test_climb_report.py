"""The page of a climb: its figures, verdicts and outcome, and that it can be read and heard."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from eco2.climb.events import Ended, Entry, Judged, Raised, Struck, Waits
from eco2.climb.report.page import page
from eco2.climb.report.style import COLOURS
from tests.climb_pages import began, entry, look, parsed, table, words
from tests.climbs import NAMES, Climb


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

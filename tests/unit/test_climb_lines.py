"""A climb in words: lines for a pipe, and each reason said once."""

from __future__ import annotations

import re

import pytest

from eco2.climb.events import Ended, Judged, Struck, TakenBack
from eco2.terminal.climb.lines import lines_of, percent, status_line
from eco2.terminal.climb.reasons import each_once
from eco2.terminal.climb.view import PlainLines
from eco2.terminal.lengths import clock, told
from rollout.judge.verdict import Weighed
from tests.climb_events import at, looked
from tests.climbs import NAMES, Climb


def test_lengths_and_shares_in_words():
    assert [told(one) for one in (0, 0.31, 9.96, 42.4, 59.7, 60, 65, 600, 3600, 3900, 7322, 90000)] == [
        "0 s", "0.3 s", "10 s", "42 s", "1 min", "1 min", "1 min 5 s", "10 min", "1 h", "1 h 5 min", "2 h 2 min",
        "25 h",
    ]  # fmt: skip
    assert [clock(one) for one in (-1, 0, 42.9, 60, 3905)] == ["0:00", "0:00", "0:42", "1:00", "1:05:05"]
    assert [percent(one) for one in (0, 0.00021, 0.0099, 0.02, 0.155, 0.2, 1)] == [
        "0 %", "0.02 %", "0.99 %", "2 %", "15.5 %", "20 %", "100 %",
    ]  # fmt: skip


def test_a_pipe_gets_a_line_for_each_change_and_one_a_minute_for_each_service(capsys):
    show = PlainLines()
    for entry in Climb(NAMES[:2], sick="scan-api", away=(700, 760)).entries:
        show(entry)
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    assert sum(": phase " in line and "evidence" in line for line in lines) == pytest.approx(2 * 22, abs=4)
    assert sum("waits:" in line for line in lines) == 1
    raised = [re.sub(r"^\S+ | in .*", "", line) for line in lines if "raised" in line]
    assert raised == [
        f"raised auth-api, scan-api to phase {phase} ({weight} %)"
        for phase, weight in ((2, 5), (3, 20), (4, 50))
    ]
    assert sum(": well after 10 min at phase" in line for line in lines) == 4
    assert re.search(r"sick after \d+ s at phase 4|sick after 1 min", "\n".join(lines))
    assert lines[-1].endswith("scan-api is sick; all are back at phase 0")


@pytest.mark.parametrize(
    ("outcome", "words", "line"),
    [
        (
            "gave up",
            "gave up after 5 s at this phase: a: no scrape; no scrape. It stays",
            "gave up after 5 s at this phase: a: no scrape. It stays",
        ),
        ("interrupted", "interrupted; nothing moves any more", "interrupted after 59 s: nothing moves any more"),
        ("interrupted", "interrupted while it is taken back", "interrupted while it is taken back"),
        ("promoted", "nothing to do: stable of a runs it already", "nothing to do: stable of a runs it already"),
        ("arrived", "a at phase 2 (5 %): well", "arrived after 59 s: a at phase 2 (5 %): well"),
    ],
)  # fmt: skip
def test_an_end_says_each_thing_once(outcome, words, line):
    assert lines_of(Ended(outcome, words, 0, 59.0)) == [line]


def test_the_reason_for_sick_is_told_in_full_once_and_then_in_short(capsys):
    why = "50.0 % of 1,200 requests failed, 0.1 % of stable's 3,011: worse by more than 0.5 points; 1 of 2 pods ready"
    show = PlainLines()
    for event in (
        Judged("auth-api", 2, 5, "sick", why, 12.0),
        Struck(["auth-api"], {"auth-api": why}, 0.3),
        TakenBack(["auth-api"], 9.0),
        Ended("sick", f"auth-api: {why}. auth-api taken back to stable", 5, 30.0),
    ):
        show(at(0, event))
    lines = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        f"auth-api: sick after 12 s at phase 2: {why}",
        "auth-api: no request meets the canary any more (0.3 s)",
        "  auth-api: 50.0 % of 1,200 requests failed",
        "auth-api: taken back in 9 s",
        "sick after 30 s: auth-api: 50.0 % of 1,200 requests failed. auth-api taken back to stable",
    ]


def test_what_several_measures_wait_for_is_said_once_with_their_names():
    awaited = "two scrapes since the beginning are awaited"
    parts = (
        Weighed("failed", "not known", awaited, 0.0, 0.0),
        Weighed("slow", "not known", awaited, 0.0, 0.0),
        Weighed("pods", "not known", "1 of 2 pods ready"),
    )
    told = status_line(looked(50, *parts).event)
    assert told.endswith(f": failed, slow: {awaited}; 1 of 2 pods ready")
    judged = Judged("auth-api", 2, 5, "not known", f"{awaited}; {awaited}", 5.0)
    assert lines_of(judged) == [f"auth-api: not known after 5 s at phase 2: {awaited}"]
    assert each_once("no requests; requests; a") == "no requests; requests; a"

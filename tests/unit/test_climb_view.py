"""A climb on a terminal: what is drawn in windows of all sizes, and what a pipe gets."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from eco2.climb.events import Ended, Judged, Promoted, Raised, Struck, TakenBack, Waits
from eco2.terminal.climb.lines import lines_of, status_line
from eco2.terminal.climb.page import page
from eco2.terminal.climb.scene import Scene
from eco2.terminal.climb.view import LiveView
from eco2.terminal.climb.window import PLAIN, UTF, Window, signs
from rollout.judge.verdict import Weighed
from tests.climb_events import at, began, looked
from tests.climbs import BEGAN, NAMES


def drawn(entries, width=80, height=24, later=0.0, shape=UTF):
    scene = Scene()
    for entry in entries:
        scene.hear(entry)
    return [
        line.plain.rstrip()
        for line in page(scene, entries[-1].at + timedelta(seconds=later), Window(width, height, shape))
    ]


def test_one_service_is_told_in_full():
    assert drawn([began("auth-api"), looked(50)], later=2) == [
        "",
        "prod: climbing to phase 5, then promoting                                   0:52",
        "auth-api  ●●○○○  phase 2, 5 %    not known                 0:42 of 10:00 to soak",
        "                  requests    failed         p95",
        "  stable             7,600    0.11 %       25 ms",
        "  canary               400    0.25 %    1,250 ms",
        "  failed      sick █████░░░░░░░░░░░░░░░  25 %  well ██████████░░░░░░░░░░  50 %",
        "              0.2 % of 400 requests failed",
        "  slow        sick ██░░░░░░░░░░░░░░░░░░  10 %  well ███████████████░░░░░  75 %",
        "              4.9 % of 400 requests were slow",
        "  pods        2 of 2 pods ready, no restarts",
        "",
        "Ctrl-C ends it; canaries stay where they are",
    ]


def test_five_services_fit_a_small_window_with_the_evidence_that_decides():
    entries = [began(*NAMES), *(looked(50, service=name) for name in NAMES)]
    lines = drawn(entries, 80, 23)
    assert len(lines) <= 23
    assert sum("phase 2, 5 %" in line for line in lines) == 5
    # One measure is enough for sick, and well takes all of them.
    bars = [line for line in lines if line.startswith("  sick ")]
    assert len(bars) == 5
    assert all(re.search(r" 25 %  well .* 50 %$", line) for line in bars)
    assert sum("stable     7,600 0.11 % failed" in line for line in lines) == 5


@pytest.mark.parametrize("width", [20, 40, 79, 80, 81, 120, 300])
@pytest.mark.parametrize("height", [1, 3, 6, 12, 23, 60])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_nothing_is_ever_wider_or_higher_than_the_window(width, height, count):
    long = Weighed("a-check-with-a-long-name", "not known", "words that do not end " * 20)
    ended = at(90, Ended("sick", "words that do not end " * 20, 5, 90.0))
    entries = [began(*NAMES[:count]), *(looked(50, long, service=name) for name in NAMES[:count])]
    for seen in (entries, [*entries, at(60, Waits("words that do not end " * 20))], [*entries, ended]):
        lines = drawn(seen, width, height)
        assert 0 < len(lines) <= height
        assert max(map(len, lines)) <= width


def test_a_window_that_is_too_low_says_how_much_is_hidden():
    lines = drawn([began(*NAMES), *(looked(50, service=name) for name in NAMES)], 80, 9)
    assert lines[-2] == "5 more lines: use a taller window"


def test_evidence_that_has_not_reached_its_bound_is_never_a_full_bar():
    lines = drawn([began("auth-api"), looked(50, Weighed("failed", "not known", "x", 0.999, 0.0))])
    assert "sick ███████████████████░  99 %  well ░░░░░░░░░░░░░░░░░░░░   0 %" in "\n".join(lines)
    lines = drawn([began("auth-api"), looked(50, Weighed("failed", "sick", "x", 1.0, 0.0))])
    assert "sick ████████████████████ 100 %" in "\n".join(lines)


def test_after_the_soak_time_it_tells_when_it_gives_up():
    lines = drawn([began("auth-api"), looked(50, seconds_in_phase=599.0)], later=2)
    assert lines[2].endswith(" 10:01, gives up at 2:00:00")


def test_a_new_phase_begins_without_figures():
    entries = [began("auth-api"), looked(50), at(60, Raised({"auth-api": 3}, {"auth-api": 20}, 5.0, "why"))]
    told = "\n".join(drawn(entries, later=3))
    assert "●●●○○  phase 3, 20 %" in told
    assert "0:03 of 10:00" in told
    assert "nothing was counted yet" in told
    assert "7,600" not in told


def test_what_it_waits_for_is_told_until_it_goes_on():
    waits = at(60, Waits("the stack is locked"))
    assert drawn([began("auth-api"), waits], later=65)[-1] == "waits for 1 min 5 s: the stack is locked"
    # Said again, it counts from the first time; looks beside it do not end it.
    again = [began("auth-api"), waits, looked(65), at(100, Waits("the stack is locked")), looked(105)]
    assert drawn(again)[-1] == "waits for 45 s: the stack is locked"
    assert drawn([*again, at(106, Waits(""))])[-1].startswith("Ctrl-C")
    assert drawn([*again, at(106, Raised({"auth-api": 3}, {"auth-api": 20}, 5.0, "why"))])[-1].startswith(
        "Ctrl-C"
    )


def test_canaries_that_were_taken_back_or_promoted_say_so():
    struck = [
        began("auth-api"),
        looked(50, answer="sick"),
        at(51, Struck(["auth-api"], {"auth-api": "why"}, 0.3)),
    ]
    assert "no request meets it any more" in drawn(struck)[2]
    back = [*struck, at(75, TakenBack(["auth-api"], 24.0))]
    assert drawn(back)[2] == "auth-api  ○○○○○  phase 0, 0 %    taken back"
    assert drawn([*back, at(76, Ended("sick", "all are back", 5, 76.0))])[2:] == drawn(back)[2:3]
    promoted = [began("auth-api"), at(60, Promoted(["auth-api"], 40.0))]
    assert "promoted" in drawn(promoted)[2]


def test_a_judgement_says_that_it_moves_nothing():
    lines = drawn([began("auth-api", moves=False), looked(50)])
    assert lines[1].startswith("prod: watching, moving nothing")
    assert lines[-1] == "Ctrl-C ends it"


def test_a_terminal_without_unicode_gets_plain_signs():
    assert (signs("UTF-8"), signs("utf8"), signs("ascii"), signs("iso8859-1")) == (UTF, UTF, PLAIN, PLAIN)
    entries = [began(*NAMES[:2]), looked(50, Weighed("x" * 40, "not known", "x" * 200, 0.3, 0.6))]
    for width in (40, 80):
        assert all(line.isascii() for line in drawn(entries, width, shape=PLAIN))


def test_text_of_others_paints_nothing():
    bad = "\x1b[2J\x1b[31mwell\nauth-api: promoted\u202e"
    part = Weighed(bad, "not known", bad, 0.1, 0.1)
    sign = Weighed(bad, "not known", bad)
    entries = [
        began("auth-api"),
        looked(50, part, sign),
        at(60, Waits(bad)),
        at(61, Ended("sick", bad, 5, 61.0)),
    ]
    for height in (60, 7):
        for until in (2, 3, 4):
            assert all(line.isprintable() for line in drawn(entries[:until], height=height))
    for event in (entries[2].event, entries[3].event, Judged("auth-api", 2, 5, "sick", bad, 3.0)):
        assert all(line.isprintable() for line in lines_of(event))


def test_before_the_answer_nothing_is_under_way_and_at_phase_0_nothing_soaks():
    asked = [began("auth-api"), at(3, Waits("the stack is locked"))]
    scene = Scene()
    for entry in [*asked, at(4, Ended("refused", "nothing was changed", 1, 4.0))]:
        scene.hear(entry)
        assert not scene.under_way
    for first in (
        began("auth-api", moves=False),
        looked(5),
        at(9, Raised({"auth-api": 1}, {"auth-api": 0}, 5.0, "")),
    ):
        scene = Scene()
        scene.hear(first)
        assert scene.under_way
    assert "soak" not in "\n".join(drawn([began("auth-api", phases={"auth-api": 0})], later=3))


def view_of(monkeypatch, pages):
    monkeypatch.setattr("eco2.terminal.climb.view.page", lambda *_: pages.append(1) or [])
    monkeypatch.setattr("eco2.terminal.climb.view.DRAW_SECONDS", 0.01)
    return LiveView(lambda: BEGAN)


@pytest.mark.parametrize(("after", "draws"), [(Waits("the stack is locked"), True), (None, False)])
def test_the_view_is_drawn_only_after_the_answer(monkeypatch, after, draws):
    pages = []
    view = view_of(monkeypatch, pages)
    view(began("auth-api"))
    view(at(1, Waits("1 of 2 pods are ready")))
    time.sleep(0.1)
    view.stop()  # the question
    view.resume()
    time.sleep(0.1)
    assert pages == []
    if after:
        view(at(2, after))
        time.sleep(0.1)
    else:
        view(at(2, Ended("refused", "nothing was changed", 1, 2.0)))
    view.stop()
    assert bool(pages) == draws


@pytest.mark.parametrize("width", [30, 40, 60])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_in_a_narrow_window_nothing_runs_into_its_neighbour(width, count):
    entries = [began(*NAMES[:count]), *(looked(50, service=name) for name in NAMES[:count])]
    lines = drawn(entries, width, 14)
    titles = [line for line in lines if re.match(r"\S+-api ", line)]
    assert len(titles) == count
    if width == 60:
        assert all(re.search(r"phase 2, 5 % +not known  +0:40", line) for line in titles)
        assert not any("…" in line for line in lines)
    if width == 40:
        assert all(re.search(r"phase 2, 5 %  not known", line) for line in titles)


def test_at_phase_1_it_says_that_no_user_meets_it_and_draws_no_bars():
    parts = (
        Weighed("failed", "not known", "no requests yet", 0.0, 0.0),
        Weighed("pods", "well", "1 of 1 pods ready, no restarts"),
    )
    look = replace(looked(50, *parts, answer="well").event, phase=1, weight=0)
    for height in (24, 9):
        told = "\n".join(drawn([began("auth-api"), at(50, look)], height=height))
        assert "no user meets it yet: its pods count, and that Prometheus sees requests" in told
        assert "sick " not in told
    assert status_line(look).endswith(
        ": well: 1 of 1 pods ready, no restarts; no user meets it at this phase"
    )
    assert "no user" not in "\n".join(drawn([began("auth-api"), looked(50)]))


def test_phases_above_the_goal_have_a_sign_of_their_own():
    assert "auth-api  ●●○··  phase 2" in drawn([began("auth-api", to=3), looked(50)])[2]
    assert "auth-api  ●●○○○  phase 2" in drawn([began("auth-api", to=None), looked(50)])[2]


def test_a_judge_has_one_phase_alone():
    assert lines_of(began("a", moves=False).event)[0] == "prod: judges; at least 10 min, gives up after 2 h"
    assert lines_of(began("a", promote=False).event)[0].startswith(
        "prod: climbs to phase 5; at least 10 min a phase,"
    )

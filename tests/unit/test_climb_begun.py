"""A step that is written and not done: judged as any other, and taken out of the file where nobody will do it."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from eco2.climb.interrupts import Held, as_interrupts, held
from eco2.terminal.climb.lines import lines_of
from rollout.climb.standing import Asked, Left
from rollout.climb.steps import Goal
from rollout.spec.image import Image
from tests.mountain import AWAY, BAD, NEW, Mountain, Site

QUICK = Goal(promote=True, soak_seconds=20, give_up_seconds=600)
TO_3 = Goal(to=3, soak_seconds=300, give_up_seconds=600)


def begun():
    """The file asks for phase 3, and the last update left phase 2."""
    on = Mountain.of(auth_api=2)
    on.says("auth-api", 3)
    return on


def test_a_sick_canary_goes_back_and_not_up():
    on = begun()
    on.counts["auth-api"] = BAD
    assert on.climb(TO_3).code == 5
    assert on.visits == [{"auth-api": 0}]


@pytest.mark.parametrize("goal", [TO_3, replace(TO_3, moves=False)])
def test_the_image_that_is_judged_is_named_and_not_the_one_that_the_file_asks_for(goal):
    on = begun()
    on.counts["auth-api"] = BAD
    on.state["auth-api"] = replace(on.state["auth-api"], canary=Image("repo", "running"))
    on.climb(goal)
    (event,) = on.told("began")
    assert event.images["auth-api"] == {"stable": "old", "canary": "running", "canary by the file": "new"}
    assert lines_of(event)[1] == (
        "  auth-api is at phase 2, canary running, stable old; the file asks for the canary image new"
    )


def test_the_file_s_image_is_named_where_it_runs_or_no_canary_does():
    for on in (Mountain.of(auth_api=2), Mountain.of(auth_api=0)):
        runs = NEW if on.state["auth-api"].phase else Image("repo", "gone")
        on.state["auth-api"] = replace(on.state["auth-api"], canary=runs)
        on.climb(TO_3)
        (event,) = on.told("began")
        assert event.images["auth-api"] == {"stable": "old", "canary": "new"}


def test_a_canary_that_is_not_known_stays_and_the_words_say_what_the_file_asks_for():
    on = begun()
    on.counts["auth-api"] = AWAY
    ending = on.climb(TO_3)
    assert (ending.code, on.visits) == (6, [])
    assert "auth-api at phase 2 (5 %); but by the file auth-api goes to phase 3 with the next" in ending.words


def test_one_that_is_well_goes_up_at_once_without_another_soak():
    on = begun()
    on.climb(TO_3)
    assert on.visits == [{"auth-api": 3}]
    assert on.told("looked")[0].phase == 2
    assert on.told("raised")[0].why.startswith("goes on with what was written before; well after ")
    assert on.told("judged")[0].seconds_in_phase < 30


def test_a_promotion_that_is_written_is_judged_too():
    on = Mountain.of(auth_api=5)
    on.file["auth-api"] = Asked(0, 0, NEW, NEW)
    on.counts["auth-api"] = BAD
    assert on.climb(QUICK).code == 5
    assert on.stable["auth-api"] != NEW


def test_a_promotion_whose_routes_have_moved_is_finished():
    """Nobody can judge a canary that users have left."""
    on = Mountain.of(auth_api=5)
    on.file["auth-api"], on.state["auth-api"] = Asked(0, 0, NEW, NEW), Left(5, 100, 0)
    on.counts["auth-api"] = AWAY
    assert on.climb(QUICK).outcome == "promoted"


def test_what_is_written_above_the_goal_is_refused():
    on = begun()
    ending = on.climb(replace(TO_3, to=2))
    assert ending.code == 1
    assert "the file asks for phase 3 already, above phase 2" in ending.words


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_it_between_the_file_and_the_update_takes_the_step_out_again(number, monkeypatch):
    on = Mountain.of(auth_api=2)
    write = Site.write

    def and_somebody_ends_it(site, step):
        write(site, step)
        signal.raise_signal(number)

    monkeypatch.setattr(Site, "write", and_somebody_ends_it)
    with as_interrupts():
        ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("interrupted", 130)
    assert (on.file["auth-api"].phase, on.visits) == (2, [])
    assert "but by the file" not in ending.words


def test_what_was_ignored_before_is_ignored_still():
    """As by `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held() as ends:
            signal.raise_signal(signal.SIGHUP)
        assert ends == Held(came=False)
        with as_interrupts():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def aborts_the_routes(on):
    """As `eco2 abort --no-reconcile`, and CI's first stroke."""
    on.routes["auth-api"] = None


def aborts_elsewhere(on):
    """By an update from another checkout: this one's file stays."""
    on.state["auth-api"], on.routes["auth-api"] = Left(), None


@pytest.mark.parametrize("abort", [aborts_the_routes, aborts_elsewhere, lambda on: on.says("auth-api", 0)])
@pytest.mark.parametrize("make", [begun, lambda: Mountain.of(auth_api=2)])
def test_an_abort_while_the_question_stands_wins(abort, make):
    on = make()

    def agreed(*_):
        abort(on)
        return True

    ending = on.climb(replace(TO_3, soak_seconds=0), agreed)
    assert (ending.outcome, ending.code) == ("moved by somebody", 7)
    assert on.visits == []


def test_a_step_that_was_shown_is_prepared_again_after_the_answer():
    on = Mountain.of(auth_api=0, scan_api=0)

    def agreed(*_):
        on.beside = "my-api from off → 5 %"
        return True

    ending = on.climb(QUICK, agreed)
    assert (ending.code, on.visits) == (6, [])
    assert "my-api from off → 5 %" in ending.words


@pytest.mark.parametrize("phase", [0, 2])
def test_routes_are_looked_at_once_more_before_the_file_is_written(phase, monkeypatch):
    on = Mountain.of(auth_api=phase)
    prepare, done = Site.prepare, []

    def and_somebody_takes_the_routes(site, *arguments):
        proposal = prepare(site, *arguments)
        done.append(proposal)
        if phase:
            on.routes["auth-api"] = None
        elif len(done) == 2:
            on.hands["auth-api"] = "changed by hand"
        return proposal

    monkeypatch.setattr(Site, "prepare", and_somebody_takes_the_routes)
    ending = on.climb(QUICK)
    assert (ending.code, on.visits, on.file["auth-api"].phase) == (7, [], phase)

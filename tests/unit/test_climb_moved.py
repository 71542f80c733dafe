"""A climb beside people and other updates: whoever moves a service wins, and nothing goes up unseen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.climb.standing import Asked, Left
from rollout.judge.observations import Unknown
from tests.mountain import BAD, NEW, QUICK, Mountain


def at_look(number, act):
    return lambda look: act() if look == number else None


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda on: on.says("auth-api", 0), "the file asks for phase 0, and this climb left it at phase 2"),
        (lambda on: on.says("auth-api", 3), "the file asks for phase 3"),
        (lambda on: on.routes.update({"auth-api": None}), "its routes lead to stable alone"),
        (lambda on: on.hands.update({"auth-api": "changed by hand"}), "changed by hand"),
        (
            lambda on: on.file.update(
                {"auth-api": replace(on.file["auth-api"], canary=replace(NEW, tag="x"))}
            ),
            "the file asks for the canary image x",
        ),
        (
            lambda on: on.file.update({"auth-api": replace(on.file["auth-api"], weight=10)}),
            "the file asks for 10 %",
        ),
        (
            lambda on: on.state.update({"auth-api": replace(on.state["auth-api"], phase=1, weight=0)}),
            "an update brought it to phase 1, and this climb left it at phase 2 (by ann: by hand)",
        ),
    ],
)
@pytest.mark.parametrize("look", [1, 3])
def test_a_person_wins(act, words, look):
    on = Mountain.of(auth_api=2)
    on.sees = at_look(look, lambda: act(on))
    ending = on.climb(replace(QUICK, soak_seconds=100))
    assert (ending.outcome, ending.code) == ("moved by somebody", 7)
    assert words in ending.words
    assert on.visits == []
    assert on.told("raised") == []


def test_hands_that_were_there_before_end_nothing():
    on = Mountain.of(auth_api=2)
    on.hands["auth-api"] = "changed by hand"
    on.sees = at_look(8, on.hands.clear)
    assert on.climb(QUICK).code == 0


def test_an_abort_during_an_update_of_the_climb_wins():
    on = Mountain.of(auth_api=0)
    update = on.update

    def and_somebody_aborts():
        update()
        if on.phases == {"auth-api": 2}:
            on.says("auth-api", 0)
            on.routes["auth-api"] = None

    on.update = and_somebody_aborts
    ending = on.climb(QUICK)
    assert ending.code == 7
    assert on.visits == [{"auth-api": 1}, {"auth-api": 2}]


def test_whoever_moves_it_while_a_step_is_judged_wins_too():
    """The fifth look is the one between the guards and the file."""
    on = Mountain.of(auth_api=2)
    on.sees = at_look(5, lambda: on.says("auth-api", 0))
    assert on.climb(QUICK).code == 7
    assert on.visits == []


def test_one_that_falls_sick_while_a_step_is_judged_does_not_go_up():
    on = Mountain.of(auth_api=2)
    on.sees = at_look(5, lambda: on.counts.update({"auth-api": BAD}))
    assert on.climb(QUICK).code == 5
    assert on.visits == [{"auth-api": 0}]


def test_ctrl_c_moves_nothing_and_says_how_to_go_on():
    on = Mountain.of(auth_api=2)

    def interrupt():
        raise KeyboardInterrupt

    on.sees = at_look(2, interrupt)
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("interrupted", 130)
    assert "auth-api at phase 2 (5 %)" in ending.words
    assert "To go on: `eco2 climb auth-api --stack dev`" in ending.words
    assert on.visits == []


def test_ctrl_c_in_an_update_that_ends_well_all_the_same_is_heeded_after_it():
    on = Mountain.of(auth_api=0)
    on.interrupts_at = 2
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("interrupted", 130)
    assert on.phases == {"auth-api": 2}
    assert "auth-api at phase 2 (5 %)" in ending.words


def test_an_update_of_somebody_else_may_do_what_an_earlier_run_wrote():
    on = Mountain.of(auth_api=2)
    on.says("auth-api", 3)
    on.locked = "another update is under way"

    def the_other_ends():
        on.update()
        on.locked = ""

    on.sees = at_look(3, the_other_ends)
    assert on.climb(replace(QUICK, to=4, promote=False)).code == 0
    assert [visit["auth-api"] for visit in on.visits] == [3, 4]


def test_a_judge_alone_moves_nothing():
    judge = replace(QUICK, promote=False, moves=False)
    on = Mountain.of(auth_api=2)
    assert (on.climb(judge).outcome, on.seconds) == ("well", 20)
    on.counts["auth-api"] = BAD
    ending = on.climb(judge)
    assert (ending.outcome, ending.code) == ("sick", 5)
    assert "Nothing was moved" in ending.words
    assert on.routes == {"auth-api": 5}
    on.counts["auth-api"] = Unknown("no data")
    assert on.climb(judge).code == 6
    on.sees = at_look(on.looks + 3, lambda: on.says("auth-api", 3))
    assert on.climb(judge).code == 7
    assert on.visits == []


def test_a_judge_has_nothing_to_judge_at_phase_0():
    ending = Mountain.of(auth_api=0).climb(replace(QUICK, promote=False, moves=False))
    assert (ending.code, ending.outcome) == (1, "refused")


JUDGE = replace(QUICK, promote=False, moves=False)


def test_a_judge_names_who_has_no_canary_and_judges_the_others():
    on = Mountain.of(auth_api=2, my_api=0)
    ending = on.climb(JUDGE)
    assert (ending.outcome, ending.code, on.seconds) == ("well", 0, 20)
    assert "there is no canary to judge of my-api" in ending.words
    assert on.told("waits")[0].why.startswith("there is no canary to judge of my-api")
    assert {look.service for look in on.told("looked")} == {"auth-api"}
    on.counts["auth-api"] = BAD
    assert on.climb(JUDGE).code == 5


def test_a_judge_looks_at_a_canary_that_only_a_failed_update_brought_up():
    on = Mountain.of(auth_api=0)
    on.state["auth-api"], on.routes["auth-api"] = Left(there=True), 0
    ending = on.climb(JUDGE)
    assert (ending.code, on.seconds) == (0, 20)
    assert "auth-api at phase 0 (header only): well" in ending.words
    on.counts["auth-api"] = BAD
    assert on.climb(JUDGE).code == 5
    on.counts["auth-api"] = Unknown("no data")
    assert on.climb(JUDGE).code == 6


@pytest.mark.parametrize(("routed", "code"), [(100, 5), (0, 1)])
def test_a_judge_of_a_promotion_that_failed_judges_only_whom_users_have_not_left(routed, code):
    on = Mountain.of(auth_api=5)
    on.file["auth-api"], on.state["auth-api"] = Asked(0, 0, NEW, NEW), Left(5, 100, routed)
    on.counts["auth-api"] = BAD
    ending = on.climb(JUDGE)
    assert ending.code == code
    assert ("users leave the canary of auth-api for stable" in ending.words) is (code == 1)

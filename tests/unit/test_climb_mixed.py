"""A promotion that was begun beside canaries that are still climbing: nobody else is promoted along with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.climb.runs import Run, decide
from rollout.climb.standing import Asked, Left, Standing
from rollout.climb.steps import GiveUp, Goal, Promote, Raise, TakeBack, Watching, first_step, next_step
from rollout.judge.verdict import Verdict, Weighed
from tests.mountain import AWAY, LADDER, NEW, OLD, Mountain

SLOW = Goal(promote=True, soak_seconds=600, give_up_seconds=7200)


def at(phase, asked=None):
    weights = (0, *LADDER)
    asked = phase if asked is None else asked
    return Standing(Asked(asked, weights[asked], OLD, NEW), Left(phase, weights[phase]), LADDER)


WRITTEN = Standing(Asked(0, 0, NEW, NEW), Left(5, 100), LADDER, promoting=True)
LEAVING = replace(WRITTEN, left=Left(5, 100, 50))
DONE = WRITTEN.at(0)


def said(**answers):
    return {name: Verdict(name, told, (Weighed("failed", told, "x"),)) for name, told in answers.items()}


@pytest.mark.parametrize("other", [at(5), at(2), at(0)])
@pytest.mark.parametrize("begun", [LEAVING, WRITTEN])
def test_a_promotion_that_was_begun_is_finished_alone(begun, other):
    stands = {"a": begun, "b": other}
    assert first_step(stands, SLOW, {}, "") == Promote(("a",), begun=True)
    for answer in ("well", "not known"):
        assert next_step(stands, said(a="well", b=answer), 0, SLOW) == Promote(("a",), begun=True)


def test_whom_users_leave_needs_no_verdict_and_whom_they_have_not_left_needs_one():
    other = {"b": at(5)}
    assert next_step({"a": LEAVING, **other}, said(a="not known"), 0, SLOW) == Promote(("a",), begun=True)
    assert next_step({"a": WRITTEN, **other}, said(a="not known", b="well"), 0, SLOW) == Watching()
    assert isinstance(next_step({"a": WRITTEN, **other}, said(a="not known"), 7200, SLOW), GiveUp)


def test_of_two_promotions_that_one_update_does_both_are_to_be_well_or_left():
    both = {"a": LEAVING, "b": WRITTEN}
    assert next_step(both, said(a="well", b="not known"), 0, SLOW) == Watching()
    assert next_step(both, said(a="not known", b="well"), 0, SLOW) == Promote(("a", "b"), begun=True)


def test_a_step_up_that_the_same_update_would_make_is_judged_first():
    stands = {"a": LEAVING, "b": at(2, asked=3)}
    assert next_step(stands, said(b="not known"), 0, SLOW) == Watching()


def test_one_that_is_sick_still_takes_all_back():
    assert isinstance(next_step({"a": LEAVING, "b": at(5)}, said(b="sick"), 0, SLOW), TakeBack)


def test_what_is_left_then_goes_on_as_usual():
    stands = {"a": DONE, "b": at(5)}
    assert next_step(stands, said(b="well"), 599, SLOW) == Watching()
    assert next_step(stands, said(b="well"), 600, SLOW) == Promote(("b",))
    assert next_step({"a": DONE, "b": at(2)}, said(b="well"), 600, SLOW) == Raise({"b": 3})


def test_patience_ends_for_a_promotion_whose_update_cannot_begin():
    step = next_step({"a": LEAVING}, said(a="not known"), 7200, SLOW, "the stack is locked")
    assert isinstance(step, GiveUp)
    assert "the stack is locked" in step.words


@pytest.mark.parametrize("routed", [0, 50, None])
def test_a_climb_promotes_nobody_unjudged_beside_one_that_was_begun(routed):
    on = Mountain.of(my_api=5, auth_api=5)
    on.file["my-api"], on.state["my-api"] = Asked(0, 0, NEW, NEW), Left(5, 100, routed)
    on.counts["auth-api"] = AWAY
    ending = on.climb(SLOW)
    assert on.stable == {"my-api": NEW, "auth-api": OLD}
    assert on.told("promoted")[0].services == ("my-api",)
    assert len(on.messages) == 1
    assert on.messages[0].startswith("climb promotes my-api: goes on with what was written before; ")
    assert ("well after" in on.messages[0]) == (routed is None)
    assert AWAY.why not in on.messages[0]
    assert ending.code == 6
    assert "auth-api at phase 5 (100 %)" in ending.words


def test_whoever_was_promoted_begins_no_other_rollout_in_the_same_climb():
    """The file's canary may be another image by then, of which nobody asked whether it was sick."""
    newer = replace(DONE, asked=Asked(0, 0, NEW, replace(NEW, tag="newer")))
    assert next_step({"a": newer, "b": at(2)}, said(b="well"), 600, SLOW) == Raise({"a": 1, "b": 3})
    ended = replace(newer, ended=True)
    assert next_step({"a": ended, "b": at(2)}, said(b="well"), 600, SLOW) == Raise({"b": 3})
    assert next_step({"a": ended, "b": at(5)}, said(b="well"), 600, SLOW) == Promote(("b",))


def in_ci(**stands):
    made = Run("prod", tuple(stands), SLOW, "1", "a" * 40, 0, {}, reviewed=False)
    return decide(made, stands, "")


def test_a_run_watches_on_whoever_is_at_a_phase_after_a_promotion():
    found = in_ci(a=LEAVING, b=at(2))
    assert found == {
        "todo": "update", "promoting": "a", "watching": "a b", "then": "up", "names": "b", "moves": "b 2 → 3",
    }  # fmt: skip
    found = in_ci(a=WRITTEN, b=at(5))
    assert (found["then"], found["names"], found["promoting"]) == ("promote", "b", "a")


def test_a_run_counts_a_step_up_that_its_update_makes_beside_a_promotion():
    assert in_ci(a=WRITTEN, b=at(2, asked=3))["moves"] == "b 3 → 4"
    found = in_ci(a=WRITTEN, b=at(0, asked=1))
    assert (found["watching"], found["moves"]) == ("a b", "b 1 → 2")


def test_a_run_goes_on_with_whoever_has_not_begun_to_climb():
    found = in_ci(a=WRITTEN, b=at(0))
    assert (found["then"], found["watching"]) == ("look", "a")


def test_a_run_ends_as_promoted_where_nobody_else_is_left():
    assert in_ci(a=WRITTEN, b=DONE)["then"] == "promoted"
    assert in_ci(a=WRITTEN, b=LEAVING) == {
        "todo": "update", "promoting": "a b", "watching": "a b", "then": "promoted",
    }  # fmt: skip

"""What the message of an update says of the verdict behind it."""

from __future__ import annotations

import pytest

from rollout.climb.standing import Asked, Left, Standing
from rollout.climb.words import of_promotion, of_step, of_way_back
from rollout.judge.verdict import Verdict, Weighed
from tests.mountain import AWAY, LADDER, NEW, QUICK, Mountain

WRITTEN = Standing(Asked(0, 0, NEW, NEW), Left(5, 100), LADDER, promoting=True)
LEAVING = Standing(Asked(0, 0, NEW, NEW), Left(5, 100, 50), LADDER, promoting=True)
START = "climb promotes a: goes on with what was written before; "


def said(name, answer, words):
    return Verdict(name, answer, (Weighed("failed", answer, words),))


def of_begun(one, verdicts):
    return of_promotion({"a": one}, ("a",), verdicts, 5, begun=True)


def test_well_is_told_only_where_every_answer_is_well():
    well, away = said("a", "well", "0 of 9 failed"), said("b", "not known", "nobody counts")
    assert of_step({"a": WRITTEN}, {"a": 1}, {"a": well}, 60).startswith(
        "climb a 5 → 1: well after 1 min: 0 of"
    )
    told = of_step({"a": WRITTEN, "b": WRITTEN}, {"a": 1}, {"a": well, "b": away}, 60)
    assert "well after" not in told
    assert "judged after 1 min: a: 0 of 9 failed; not judged: b: nobody counts" in told


@pytest.mark.parametrize("verdicts", [{}, {"a": said("a", "not known", "x")}, {"a": said("a", "well", "x")}])
def test_of_a_canary_that_users_leave_the_history_says_that_nobody_judged_it(verdicts):
    told = "not judged: users leave the canary of a for stable, and nobody can judge that; canary image new"
    assert of_begun(LEAVING, verdicts) == START + told


def test_a_promotion_that_was_written_tells_the_verdict_on_itself_alone():
    verdicts = {"a": said("a", "well", "0 of 9 failed"), "b": said("b", "not known", "nobody counts")}
    told = of_promotion({"a": WRITTEN, "b": WRITTEN}, ("a",), verdicts, 5, begun=True)
    assert told == f"{START}well after 5 s: 0 of 9 failed; canary image new"
    assert of_begun(WRITTEN, {}) == "climb promotes a: goes on with what was written before; canary image new"


def test_two_that_differ_are_told_apart():
    stands = {"a": LEAVING, "b": WRITTEN}
    told = of_promotion(stands, ("a", "b"), {"b": said("b", "well", "0 of 9 failed")}, 5, begun=True)
    assert "well after" not in told
    assert "judged after 5 s: b: 0 of 9 failed; not judged: users leave the canary of a for stable" in told


def test_the_end_of_somebodys_abort_is_told_as_no_verdict():
    told = of_way_back({"a": WRITTEN}, {"a": "an abort of it was begun and not finished"}, 0, judged=False)
    assert told == "climb takes back a 5 → 0: a: an abort of it was begun and not finished; canary image new"


def test_the_history_of_a_climb_never_says_well_where_prometheus_was_away():
    on = Mountain.of(auth_api=5)
    on.file["auth-api"], on.state["auth-api"] = Asked(0, 0, NEW, NEW), Left(5, 100, 50)
    on.counts["auth-api"] = AWAY
    assert on.climb(QUICK).outcome == "promoted"
    assert "well" not in on.messages[0]
    assert "not judged" in on.messages[0]

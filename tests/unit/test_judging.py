"""A canary judged by all that is known of it, phase by phase."""

from __future__ import annotations

import random
from dataclasses import replace
from math import comb, exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.judge.bets import Claim, Evidence, log_payoff_alone
from rollout.judge.earlier import AgainstEarlier, bounds
from rollout.judge.judging import Earlier, Judging, Reading
from rollout.judge.limits import MeasureLimits
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import Gap, NotYet
from rollout.judge.signs import PodLook
from rollout.spec.judge_settings import CheckSettings, JudgeSettings

READY = PodLook(2, 2, {"a": 0})
AWAY = Unknown("Prometheus is away")
NONE_YET = NotYet("no request yet")
SETTINGS = JudgeSettings()
OWN = SETTINGS.model_copy(
    update={"checks": {"orders": CheckSettings(query="q{version}", limit=10, bad="below")}}
)
LIMITS = MeasureLimits("failed", 0.005, 100, 0.01, measures=2)


def batch(canary, stable):
    return Batch(Counts(*canary), Counts(*stable))


GOOD = batch((2000, 2), (8000, 8))
BAD = batch((200, 100), (800, 1))
NONE = batch((0, 0), (1000, 1))


def reading(failed=GOOD, slow=GOOD, pods=READY, **more):
    return Reading(0.0, failed, slow, pods, **more)


def judged(*readings, weight=20, settings=SETTINGS, by_requests=True, earlier=None):
    one = Judging.begin("auth-api", settings, weight, by_requests=by_requests, earlier=earlier)
    for each in readings:
        one = one.after(each)
    return one


def test_well_takes_requests_pods_and_routes():
    assert judged(reading(), reading()).verdict.answer == "well"
    for lacking in (
        reading(failed=AWAY),
        reading(slow=AWAY),
        reading(pods=AWAY),
        reading(fallen_back=AWAY),
        reading(pods=PodLook(1, 2, {})),
    ):
        assert judged(reading(), lacking).verdict.answer == "not known"
    assert judged().verdict.answer == "not known"


def test_each_of_them_alone_calls_it_sick():
    for sign in (
        reading(failed=BAD),
        reading(slow=BAD),
        reading(pods=PodLook(2, 2, {"a": 1})),
        reading(fallen_back="got 0.1 % of 2000 requests"),
    ):
        assert judged(reading(), sign).verdict.answer == "sick"


def test_where_no_user_meets_it_pods_are_enough_and_bad_requests_still_count():
    assert judged(reading(NONE, NONE), weight=0).verdict.answer == "well"
    assert judged(reading(NONE, NONE), reading(NONE_YET, NONE_YET), weight=0).verdict.answer == "well"
    assert judged(reading(NONE, NONE), weight=0, settings=OWN).verdict.answer == "well"
    assert judged(reading(failed=BAD), weight=0).verdict.answer == "sick"
    assert judged(reading(pods=AWAY), weight=0).verdict.answer == "not known"
    assert judged(reading(fallen_back="got 0 %"), weight=0).verdict.answer == "well"


def test_nobody_is_let_in_by_a_prometheus_that_knows_nothing_of_stable():
    """It answers, and nothing is amiss by its account."""
    nothing = batch((50, 0), (0, 0))
    for blind in (reading(NONE_YET, NONE_YET), reading(nothing, nothing)):
        found = judged(reading(NONE, NONE)).at_weight(0).after(blind).verdict
        assert found.answer == "not known"
        assert "stable has answered no request that Prometheus counted in this phase" in found.words
        assert "`eco2 advance`" in found.words
    dropped = judged(reading(NONE, NONE_YET), weight=0).verdict
    assert dropped.answer == "not known"
    assert "how long stable's requests take was not counted in this phase: no request yet" in dropped.words
    gap = reading(Gap("not scraped for 900 s"), Gap("not scraped for 900 s"))
    assert judged(reading(), gap, reading(NONE_YET, NONE_YET), weight=0).verdict.answer == "not known"


def test_nobody_is_let_in_while_nobody_can_count():
    for away in (reading(failed=AWAY), reading(slow=AWAY)):
        assert judged(reading(failed=NONE), away, weight=0).verdict.answer == "not known"
        assert judged(away, reading(NONE, NONE), weight=0).verdict.answer == "well"


@pytest.mark.parametrize("weight", [20, 100])
def test_a_gap_ends_what_was_well_and_keeps_what_spoke_against_it(weight):
    known = Earlier(Counts(16_000, 16), Counts(16_000, 16))
    gap = reading(Gap("not scraped for 900 s"), Gap("not scraped for 900 s"))
    well = judged(reading(), reading(), weight=weight, earlier=known)
    assert well.verdict.answer == "well"
    back = well.after(gap).after(reading(batch((99, 0), (400, 0)), batch((99, 0), (400, 0))))
    assert back.verdict.answer == "not known"
    assert back.after(reading()).after(reading()).verdict.answer == "well"
    assert back.seen.canary.requests == 4099
    suspect = judged(reading(batch((8, 1), (800, 1))), weight=weight, earlier=known)
    assert suspect.verdict.answer == "not known"
    assert suspect.after(gap).measures["failed"].sick == suspect.measures["failed"].sick
    assert judged(reading(BAD), gap, weight=weight, earlier=known).verdict.answer == "sick"


def test_who_was_well_and_answers_nothing_any_more_is_not_known():
    silent = replace(reading(NONE, NONE), at=299.0)
    assert judged(reading(), reading(), silent).verdict.answer == "well"
    gone = judged(reading(), reading(), silent, replace(silent, at=301.0)).verdict
    assert (gone.answer, gone.words) == ("not known", "the canary has answered no request for 301 s")


@pytest.mark.parametrize("weight", [0, 20])
def test_who_does_not_see_all_requests_calls_nobody_well(weight):
    part = judged(reading(), reading(unseen="gateway is not scraped"), weight=weight)
    assert (part.verdict.answer, part.verdict.words) == ("not known", "gateway is not scraped")
    assert part.after(reading()).verdict.answer == "well"
    assert part.after(reading(failed=BAD, unseen="gateway is not scraped")).verdict.answer == "sick"


def test_another_phase_begins_well_anew_and_keeps_what_spoke_against_it():
    well = judged(reading(), reading())
    assert well.at_weight(50).verdict.answer == "not known"
    assert well.at_weight(50).seen == batch((0, 0), (0, 0))
    assert judged(reading(failed=BAD)).at_weight(50).verdict.answer == "sick"
    assert judged(reading(failed=BAD)).at_weight(100).verdict.answer == "sick"
    assert judged(reading(failed=BAD)).at_weight(100).at_weight(50).verdict.answer == "sick"


def test_at_full_weight_it_is_held_against_what_stable_did_before():
    alone = batch((4000, 4), (0, 0))
    full = judged(reading(), reading()).at_weight(100)
    assert full.verdict.answer == "not known"
    assert full.after(reading(alone, alone)).verdict.answer == "well"
    failing = batch((4000, 400), (0, 0))
    sick = full.after(reading(failing, alone)).verdict
    assert sick.answer == "sick"
    assert (
        "10.0 % of 4,000 requests failed, 0.1 % of stable's 16,000 before: worse by more than 0.5 points"
        in sick.words
    )


def test_at_full_weight_nothing_is_known_of_a_stable_that_nobody_saw():
    alone = reading(batch((4000, 4), (0, 0)), batch((4000, 4), (0, 0)))
    for earlier in (None, Earlier(AWAY, AWAY), Earlier(Counts(99, 0), Counts(99, 0))):
        assert judged(alone, weight=100, earlier=earlier).verdict.answer == "not known"
    known = Earlier(Counts(16_000, 16), Counts(16_000, 16))
    assert judged(alone, weight=100, earlier=known).verdict.answer == "well"
    assert judged(alone, reading(pods=AWAY), weight=100, earlier=known).verdict.answer == "not known"


@pytest.mark.parametrize("earlier", [None, Earlier(AWAY, AWAY), Earlier(Counts(99, 0), Counts(99, 0))])
def test_who_fails_everything_is_sick_whatever_stable_did(earlier):
    failing = reading(batch((50, 50), (0, 0)), NONE_YET)
    found = judged(failing, weight=100, earlier=earlier).verdict
    assert found.answer == "sick"
    assert "more than 10 %, which is too much whatever stable did; stable answers nothing" in found.words
    some = reading(batch((1000, 90), (0, 0)), NONE_YET)
    assert judged(*[some] * 50, weight=100, earlier=earlier).verdict.answer == "not known"


def test_what_stable_did_may_come_later_and_loses_nothing():
    lacking = PodLook(1, 2, {})
    look = reading(batch((1000, 1), (0, 0)), NONE, pods=lacking)
    one = judged(look, look, weight=100, earlier=Earlier(AWAY, AWAY))
    assert one.lacks_past
    known = one.knowing(Earlier(Counts(16_000, 16), AWAY))
    assert known.lacks_past
    assert known.seen == one.seen == batch((2000, 2), (0, 0))
    assert known.measures["failed"].sick == one.measures["failed"].sick
    assert known.after(look).verdict.answer == "sick"
    late = known.knowing(Earlier(Counts(9, 9), Counts(16_000, 16)))
    assert not late.lacks_past
    assert late.measures["failed"].earlier == Counts(16_000, 16)


def test_a_stable_that_fails_more_than_the_bound_takes_back_what_was_held_against_it():
    begun = AgainstEarlier.begin(LIMITS, AWAY)
    suspect = begun.after(batch((20, 8), (0, 0)))
    assert suspect.answer == "not known"
    assert suspect.sick.value > 10
    assert suspect.knowing(Counts(16_000, 6000)).sick == begun.sick
    assert suspect.knowing(Counts(16_000, 16)).sick == suspect.sick


def test_one_slow_look_at_full_weight_is_no_evidence_and_three_are():
    """Stable answers nothing there, so a node that is busy for a moment slows every request; failures do not wait."""
    slow = reading(batch((337, 0), (0, 0)), batch((337, 151), (0, 0)))
    good = reading(batch((337, 0), (0, 0)), batch((337, 1), (0, 0)))
    earlier = Earlier(Counts(1412, 0), Counts(1412, 0))
    assert judged(slow, slow, weight=100, earlier=earlier).verdict.answer == "not known"
    assert judged(slow, slow, *[good] * 60, weight=100, earlier=earlier).verdict.answer == "well"
    assert judged(slow, slow, slow, slow, weight=100, earlier=earlier).verdict.answer == "sick"
    everything = reading(batch((337, 0), (0, 0)), batch((337, 337), (0, 0)))
    assert judged(*[everything] * 3, weight=100, earlier=earlier).verdict.answer == "sick"
    failing = reading(batch((337, 151), (0, 0)))
    assert judged(failing, weight=100, earlier=earlier).verdict.answer == "sick"


def test_own_checks_are_asked():
    assert judged(reading(checks={"orders": (12.0, 13.0)}), settings=OWN).verdict.answer == "well"
    assert judged(reading(checks={"orders": (2.0, 13.0)}), settings=OWN).verdict.answer == "sick"
    assert judged(reading(), settings=OWN).verdict.answer == "not known"
    assert judged(reading(checks={"orders": (AWAY, 13.0)}), settings=OWN).verdict.answer == "not known"


def test_a_worker_is_never_well_by_its_pods_alone():
    plain = judged(reading(AWAY, AWAY), by_requests=False).verdict
    assert plain.answer == "not known"
    assert "judge.checks" in plain.words
    own = judged(reading(AWAY, AWAY, checks={"orders": (12.0, 13.0)}), by_requests=False, settings=OWN)
    assert own.verdict.answer == "well"
    assert (
        judged(reading(AWAY, AWAY, pods=PodLook(2, 2, {"a": 1})), by_requests=False).verdict.answer == "sick"
    )


@given(
    number=st.integers(1, 60),
    chance=st.floats(0.0, 0.3),
    edge=st.floats(0.001, 0.5),
    stake=st.floats(0, 50),
    claim=st.sampled_from(Claim),
)
def test_a_bet_on_the_canary_alone_wins_nothing_where_its_statement_is_true(
    number, chance, edge, stake, claim
):
    true = edge * chance if claim is Claim.SICK else edge + (1 - edge) * chance
    expected = sum(
        comb(number, bad) * true**bad * (1 - true) ** (number - bad)
        * exp(log_payoff_alone(Counts(number, bad), claim, edge, stake))
        for bad in range(number + 1)
    )  # fmt: skip
    assert expected <= 1 + 1e-9


@settings(deadline=None)
@given(number=st.integers(1, 100), chance=st.floats(0.001, 0.2), true=st.floats(0.0, 1.0))
def test_bounds_hold_as_often_as_they_say(number, chance, true):
    wrong = [0.0, 0.0]
    for bad in range(number + 1):
        low, high = bounds(Counts(number, bad), chance)
        assert 0 <= low <= bad / number <= high <= 1
        weight = comb(number, bad) * true**bad * (1 - true) ** (number - bad)
        wrong[0] += weight * (low > true)
        wrong[1] += weight * (high < true)
    assert max(wrong) <= chance + 1e-9


@pytest.mark.parametrize(("share", "sick", "well"), [(0.001, 0.01, None), (0.006, None, 0.01)])
def test_false_answers_at_full_weight_are_as_rare_as_promised(share, sick, well):
    """One canary as good as stable is called sick, one that is worse by the margin well, no more than that."""
    dice = random.Random(7)  # noqa: S311  # fixed seeds
    called = {"sick": 0, "well": 0, "not known": 0}
    for _ in range(300):
        stable = sum(dice.random() < 0.001 for _ in range(5000))
        one = AgainstEarlier.begin(LIMITS, Counts(5000, stable))
        for _ in range(40):
            one = one.after(batch((250, sum(dice.random() < share for _ in range(250))), (0, 0)))
            if one.answer != "not known":
                break
        called[one.answer] += 1
    if sick is not None:
        assert called["sick"] <= 300 * sick + 2
        assert called["well"] > 200
    if well is not None:
        assert called["well"] <= 300 * well + 2


def test_evidence_alone_depends_on_order_of_looks_no_more_than_bets_do():
    evidence = Evidence(Claim.SICK, 0.005)
    assert evidence.after_alone(Counts(0, 0), 0.001, 0.006) == evidence
    assert evidence.after_alone(Counts(100, 50), 0.001, 0.006).value > 1000
    assert (
        replace(evidence, together=4).after_alone(Counts(100, 50), 0.001, 0.006).value
        < evidence.after_alone(Counts(100, 50), 0.001, 0.006).value
    )

"""What the judge says of signs that need no counting, and of everything together."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rollout.judge.comparison import Comparison, progress
from rollout.judge.limits import MeasureLimits, limits_of
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.signs import OwnCheck, PodLook, Sign, fallback_sign, pods_sign
from rollout.judge.verdict import verdict
from rollout.spec.judge_settings import JudgeSettings

AWAY = Unknown("Prometheus is away")
LIMITS = limits_of(JudgeSettings())


def compared(canary, stable, name="failed"):
    return Comparison.begin(LIMITS[name]).after(Batch(Counts(*canary), Counts(*stable)))


WELL = compared((5000, 5), (95_000, 95))
SICK = compared((100, 50), (1900, 2))
OPEN = compared((100, 0), (1900, 2))


def test_a_canary_that_has_fallen_back_is_sick_whatever_the_counters_say():
    sign = fallback_sign("got 0.1 % of 2000 requests in 60 s: it has fallen back")
    found = verdict("auth-api", {"failed": WELL}, {"fallback": sign})
    assert (found.answer, found.words) == ("sick", sign.words)
    assert fallback_sign("") == Sign("well", "it answers its share")
    untested = fallback_sign(None)
    assert untested.answer == "well"
    assert untested.words.startswith("whether it answers its share is not tested")
    assert fallback_sign(AWAY) == Sign("not known", "Prometheus is away")


@pytest.mark.parametrize(
    ("looks", "answer", "words"),
    [
        ((), "not known", "nobody has looked at its pods"),
        ((PodLook(2, 2, {"a": 0}),), "well", "2 of 2 pods ready, no restarts"),
        ((PodLook(2, 2, {"a": 3}),), "sick", "a restarted 3 x"),
        ((PodLook(1, 2, {}), PodLook(1, 2, {})), "not known", "1 of 2 pods ready"),
        ((PodLook(1, 2, {}),) * 3, "sick", "1 of 2 pods ready"),
        ((PodLook(1, 2, {}), AWAY, PodLook(1, 2, {})), "not known", "1 of 2 pods ready"),
        ((PodLook(2, 2, {}), AWAY), "not known", "Prometheus is away"),
        ((PodLook(2, 2, {"a": 1}), AWAY), "sick", "a restarted 1 x"),
        (
            (PodLook(1, 2, {}),) * 2 + (PodLook(1, 2, {}, stable_lacks=True),),
            "not known",
            "1 of 2 pods ready; stable lacks some, too",
        ),
        ((PodLook(0, 2, {}, "no Deployment", stable_lacks=True),) * 3, "sick", "no Deployment"),
        (
            (PodLook(2, 2, {"a": 1}, stable_restarts={"s": 1, "t": 0}),),
            "not known",
            "a restarted 1 x; stable's pods restart as often",
        ),
        ((PodLook(2, 2, {"a": 5}, stable_restarts={"s": 2, "t": 1}),), "sick", "a restarted 5 x"),
        ((PodLook(2, 2, {"a": 1}, stable_restarts={"s": 0}),), "sick", "a restarted 1 x"),
        ((PodLook(0, 0, {}),), "not known", "it has no pods in this phase"),
    ],
)
def test_pods_say_so_at_once(looks, answer, words):
    assert pods_sign(looks) == Sign(answer, words)


@pytest.mark.parametrize(
    ("bad", "canary", "stable", "answer"),
    [
        ("above", 4.0, 0.0, "well"),
        ("above", 6.0, 1.0, "sick"),
        ("above", 6.0, 7.0, "not known"),
        ("above", 6.0, AWAY, "not known"),
        ("above", 6.0, math.nan, "not known"),
        ("above", AWAY, 1.0, "not known"),
        ("above", math.inf, 1.0, "not known"),
        ("below", 4.0, 9.0, "sick"),
        ("below", 5.0, 9.0, "well"),
    ],
)
def test_an_own_check_has_a_limit_and_a_bad_side(bad, canary, stable, answer):
    sign = OwnCheck("orders", 5.0, bad).sign(canary, stable)
    assert sign.answer == answer
    assert sign.words.startswith("orders")


def test_one_that_is_sick_is_enough_and_well_needs_all():
    well, unknown = Sign("well", "fine"), Sign("not known", "no figure")
    assert verdict("a", {"failed": WELL, "slow": WELL}, {"pods": well}).answer == "well"
    assert verdict("a", {"failed": WELL, "slow": OPEN}, {"pods": well}).answer == "not known"
    assert verdict("a", {"failed": WELL}, {"own": unknown}).answer == "not known"
    assert verdict("a", {"failed": SICK, "slow": WELL}, {"own": unknown}).answer == "sick"


def test_nothing_measured_is_never_well():
    assert verdict("a", {}, {"pods": Sign("well", "fine")}).answer == "not known"
    nothing = verdict("a", {}, {})
    assert (nothing.answer, nothing.words) == ("not known", "nothing was measured")


def test_scripts_and_a_live_view_get_figures_and_evidence():
    found = json.loads(json.dumps(verdict("auth-api", {"failed": SICK, "slow": OPEN}, {}).as_json()))
    assert found["answer"] == "sick"
    assert found["words"] == (
        "50.0 % of 100 requests failed, 0.1 % of stable's 1,900: worse by more than 0.5 points"
    )
    failed, slow = found["parts"]
    assert (failed["name"], failed["sick"], failed["well"]) == ("failed", 1.0, 0.0)
    assert 0 <= slow["sick"] < slow["well"] < 1


@given(st.floats(0, 1e300), st.floats(0, 1e300))
def test_progress_is_a_part_of_one_and_grows_with_the_evidence(one, other):
    less, more = sorted((one, other))
    assert 0 <= progress(less, 200) <= progress(more, 200) <= 1
    assert (progress(200, 200), progress(1, 200)) == (1, 0)


def test_measures_share_the_false_alarms_of_sick_and_not_those_of_well():
    assert LIMITS["failed"] == MeasureLimits("failed", 0.005, 100, 0.01, 2)
    assert (LIMITS["slow"].what, LIMITS["slow"].margin) == ("were slow", 0.05)
    assert (LIMITS["slow"].sick_bound, LIMITS["slow"].well_bound) == (200, 100)


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": 0},
        {"margin": "1"},
        {"margin": float("nan")},
        {"falseAlarm": 0},
        {"falseAlarm": 50},
        {"quantile": 100},
        {"leastRequests": 0},
        {"together": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_no_judge_can_keep_are_refused(wrong):
    with pytest.raises(ValidationError):
        JudgeSettings.model_validate(wrong)


def test_what_several_measures_say_stands_there_once():
    away = Comparison.begin(LIMITS["failed"]).after(AWAY), Comparison.begin(LIMITS["slow"]).after(AWAY)
    found = verdict(
        "auth-api", {"failed": away[0], "slow": away[1]}, {"pods": Sign("not known", "1 of 2 pods ready")}
    )
    assert found.words == "Prometheus is away; 1 of 2 pods ready"

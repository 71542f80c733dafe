"""No moment of a climb without a judge: during its updates, after one that failed, after a fault of its own."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from eco2.climb.site import FailedError, InterruptedUpdateError, NotNowError
from rollout.climb.steps import Goal
from rollout.judge.judging import Reading
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.signs import PodLook
from tests.mountain import BAD, GOOD, Mountain, Site

pytestmark = pytest.mark.whole

QUICK = Goal(promote=True, soak_seconds=20, give_up_seconds=600)


def fails(on, weight=50, counts=BAD):
    """An update that gives a canary its traffic, and then fails."""

    def update(*_):
        on.routes["auth-api"], on.counts["auth-api"] = weight, counts
        on.state["auth-api"] = replace(on.state["auth-api"], routed=weight)
        raise FailedError("the update ended with exit code 255")

    return update


def test_after_an_update_that_failed_a_sick_canary_goes_back(monkeypatch):
    on = Mountain.of(auth_api=3)
    monkeypatch.setattr(Site, "update", fails(on))
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("sick", 5)
    assert on.routes == {"auth-api": None}
    assert on.told("looked")[-1].weight == 50


def test_a_canary_that_an_update_brought_up_and_failed_is_judged_before_it_has_any_weight(monkeypatch):
    on = Mountain.of(auth_api=0)

    def update(*_):
        on.routes["auth-api"], on.counts["auth-api"] = 0, BAD
        on.state["auth-api"] = replace(on.state["auth-api"], there=True)
        raise FailedError("the update ended with exit code 255")

    monkeypatch.setattr(Site, "update", update)
    assert on.climb(QUICK).code == 5
    assert on.routes == {"auth-api": None}


@pytest.mark.parametrize("counts", [None, Unknown("no data")])
def test_one_that_is_not_sick_then_stays_with_the_way_back_in_words(monkeypatch, counts):
    on = Mountain.of(auth_api=3)
    monkeypatch.setattr(Site, "update", fails(on, counts=counts or on.counts["auth-api"]))
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("update failed", 4)
    assert "To take back: `eco2 abort auth-api --stack dev`" in ending.words
    assert on.told("looked")[-1].seconds_in_phase <= 20 + 70


NONE = Batch(Counts(0, 0), Counts(0, 0))


@pytest.mark.parametrize(("first", "seconds"), [(NONE, 60), (GOOD, 60), (None, 5)])
def test_what_was_counted_before_a_promotion_failed_makes_nobody_well_after_it(monkeypatch, first, seconds):
    """The first look after it brings what was counted until then."""
    on = Mountain.of(auth_api=5)
    failed = []

    def update(*_):
        failed.append((on.seconds, on.looks))
        on.counts["auth-api"] = first or GOOD
        raise FailedError("the update ended with exit code 255")

    def sees(look):
        if first and failed and look > failed[0][1] + 1:
            on.counts["auth-api"] = NONE

    on.sees = sees

    monkeypatch.setattr(Site, "update", update)
    ending = on.climb(QUICK)
    assert ending.outcome == "update failed"
    assert on.seconds - failed[0][0] == seconds
    assert on.told("looked")[-1].verdict.answer == ("not known" if first else "well")


def test_a_fault_in_a_look_is_told_and_ends_it(monkeypatch):
    on = Mountain.of(auth_api=3)

    def look(*_):
        return {}["items"]

    monkeypatch.setattr(Site, "look", look)
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("failed", 1)
    assert "KeyError: 'items' (test_climb_watched.py, line " in ending.words
    assert "auth-api at phase 3 (20 %)" in ending.words
    assert "To take back: `eco2 abort auth-api --stack dev`" in ending.words
    assert on.told("ended")


@pytest.mark.parametrize("place", ["routes", "prepare"])
def test_after_a_fault_elsewhere_a_sick_canary_goes_back(monkeypatch, place):
    on = Mountain.of(auth_api=3)
    whole = getattr(Site, place)

    def broken(*arguments):
        if on.looks < 3:
            return whole(*arguments)
        on.counts["auth-api"] = BAD
        raise KeyError("items")

    monkeypatch.setattr(Site, place, broken)
    assert on.climb(QUICK).code == 5
    assert on.routes == {"auth-api": None}


def until(what):
    for _ in range(500):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize(
    ("end", "code"),
    [(None, 5), (FailedError("x"), 5), (NotNowError("locked"), 5), (InterruptedUpdateError("x"), 130)],
)
def test_one_that_falls_sick_during_an_update_loses_its_traffic_at_once(monkeypatch, end, code):
    on = Mountain.of(auth_api=3)
    on.look_seconds = 0.01
    update = Site.update
    monkeypatch.setattr("eco2.climb.update_watch.AGAIN_SECONDS", 0.01)

    def slow(site, *arguments):
        on.counts["auth-api"] = BAD
        until(lambda: on.routes["auth-api"] is None)
        on.routes["auth-api"] = 50  # the update sets its own routes
        until(lambda: on.routes["auth-api"] is None)
        if end:
            raise end
        return update(site, *arguments)

    monkeypatch.setattr(Site, "update", slow)
    ending = on.climb(QUICK)
    assert ending.code == code
    assert on.routes == {"auth-api": None}
    assert "sick during the update" in on.told("waits")[0].why
    assert on.phases == {"auth-api": 0 if code == 5 else 3}


FALLEN = "has 50 % and got 1 % of 500 requests: it has fallen back"


def falls_back(on, monkeypatch, when):
    """While its routes lead to it and `when()` is true, it is seen to have fallen back; later looks see nothing."""

    def look(site, weights):
        on.looks += 1
        counts = on.counts["auth-api"] if on.routes["auth-api"] is not None else Unknown("it gets nothing")
        fallen = FALLEN if when() and on.routes["auth-api"] is not None else ""
        return {name: Reading(on.seconds, counts, counts, PodLook(1, 1, {}), fallen) for name in weights}

    monkeypatch.setattr(Site, "look", look)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (FailedError("x"), 5),
        (NotNowError("locked"), 5),
        (KeyError("items"), 5),
        (InterruptedUpdateError("x"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_a_verdict_during_an_update_holds_however_that_ends(monkeypatch, end, code):
    on, begun = Mountain.of(auth_api=3), []
    on.look_seconds = 0.01
    monkeypatch.setattr("eco2.climb.update_watch.AGAIN_SECONDS", 0.01)
    falls_back(on, monkeypatch, lambda: begun)

    def update(*_):
        begun.append(True)
        until(lambda: on.routes["auth-api"] is None)
        raise end

    monkeypatch.setattr(Site, "update", update)
    ending = on.climb(QUICK)
    assert (ending.code, on.routes) == (code, {"auth-api": None})
    assert f"auth-api: {FALLEN}" in ending.words
    if code == 5:
        assert on.file["auth-api"].phase == 0
        assert on.messages[-1].endswith("\nSick: auth-api, phase 3, new")


def test_a_verdict_holds_though_the_way_back_breaks_and_nothing_is_seen_any_more(monkeypatch):
    on, broken, finish = Mountain.of(auth_api=3), [KeyError("items")], Site.finish_back
    falls_back(on, monkeypatch, lambda: True)

    def finish_back(site, message):
        if broken:
            raise broken.pop()
        finish(site, message)

    monkeypatch.setattr(Site, "finish_back", finish_back)
    assert on.climb(QUICK).code == 5
    assert on.messages[-1].endswith("\nSick: auth-api, phase 3, new")


def test_where_the_way_back_breaks_again_the_command_that_is_told_keeps_the_record(monkeypatch):
    on = Mountain.of(auth_api=3)
    falls_back(on, monkeypatch, lambda: True)
    monkeypatch.setattr(Site, "finish_back", lambda *_: {}["items"])
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("failed", 1)
    assert "take it back: `eco2 abort auth-api --stack dev --message 'climb takes back" in ending.words
    assert ending.words.endswith(" --message 'Sick: auth-api, phase 3, new'`")


def test_a_verdict_of_the_look_right_before_a_step_is_acted_upon_at_once(monkeypatch):
    on, prepared, prepare = Mountain.of(auth_api=3), [], Site.prepare
    falls_back(on, monkeypatch, lambda: prepared)

    def slow(site, *arguments):
        found = prepare(site, *arguments)
        prepared.append(on.seconds)
        return found

    monkeypatch.setattr(Site, "prepare", slow)
    assert on.climb(QUICK).code == 5
    assert on.seconds == prepared[0]


def test_a_promotion_is_not_struck_while_users_leave_the_canary(monkeypatch):
    on = Mountain.of(auth_api=5)
    on.look_seconds = 0.01
    update = Site.update

    def slow(site, *arguments):
        on.counts["auth-api"] = BAD
        time.sleep(0.1)
        return update(site, *arguments)

    monkeypatch.setattr(Site, "update", slow)
    assert on.climb(QUICK).outcome == "promoted"
    assert on.told("waits") == []


def test_a_look_that_fails_during_an_update_ends_nothing(monkeypatch):
    on = Mountain.of(auth_api=3)
    on.look_seconds = 0.01
    update, look, broken = Site.update, Site.look, []

    def slow(site, *arguments):
        broken.append(True)
        until(lambda: on.told("waits"))
        broken.clear()
        return update(site, *arguments)

    monkeypatch.setattr(Site, "update", slow)
    monkeypatch.setattr(Site, "look", lambda *told: {}["items"] if broken else look(*told))
    assert on.climb(replace(QUICK, to=4, promote=False)).code == 0
    assert "KeyError: 'items'" in on.told("waits")[0].why

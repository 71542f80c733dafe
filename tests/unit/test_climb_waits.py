"""What a climb waits for, and for how long: figures, locks, pods, an API server that is away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eco2.judge.watch import LATE
from rollout.climb.steps import Goal
from tests.mountain import AWAY, BAD, GOOD, QUICK, Mountain


def test_not_known_until_the_end_of_its_patience_stays_where_it_is():
    on = Mountain.of(auth_api=2)
    on.counts["auth-api"] = AWAY
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("gave up", 6)
    assert "does not answer" in ending.words
    assert "`eco2 climb auth-api --stack dev`" in ending.words
    assert "`eco2 abort auth-api --stack dev`" in ending.words
    assert on.phases == {"auth-api": 2}
    assert on.told("judged")[-1].answer == "not known"
    assert [event.why for event in on.told("waits")] == [AWAY.why]


def test_a_phase_has_its_own_patience():
    on = Mountain.of(auth_api=0)
    assert on.climb(replace(QUICK, soak_seconds=400)).code == 0
    assert on.seconds == 5 * 400


def test_an_outage_of_prometheus_is_waited_for():
    on = Mountain.of(auth_api=2)
    good = on.counts["auth-api"]
    on.sees = lambda look: on.counts.update({"auth-api": AWAY if 2 < look < 30 else good})
    assert on.climb(QUICK).code == 0
    assert [event.why for event in on.told("waits")] == [AWAY.why, ""]


def test_what_stable_did_before_is_asked_for_until_it_is_known():
    """At full weight the canary is held against it; a run that begins there has not counted it itself."""
    on = Mountain.of(auth_api=5)
    on.earlier_from = 100
    assert on.climb(QUICK).outcome == "promoted"
    assert 100 <= on.seconds < 130


def test_a_locked_stack_is_waited_for_and_watched_meanwhile():
    on = Mountain.of(auth_api=2)
    on.locked = "another update is under way"
    on.sees = lambda look: setattr(on, "locked", on.locked if look < 30 else "")
    assert on.climb(replace(QUICK, to=3, promote=False)).code == 0
    assert [event.why for event in on.told("waits")] == ["another update is under way", ""]
    assert len(on.told("looked")) > 30
    assert on.visits == [{"auth-api": 3}]


def test_it_does_not_wait_for_ever_for_a_lock():
    for phase in (0, 2):
        on = Mountain.of(auth_api=phase)
        on.locked = "another update is under way"
        ending = on.climb(QUICK)
        assert (ending.code, on.phases, on.file["auth-api"].phase) == (6, {"auth-api": phase}, phase)
        assert "another update is under way" in ending.words


def test_sick_while_it_waits_for_a_lock_goes_back():
    on = Mountain.of(auth_api=2)
    on.locked = "another update is under way"
    on.sees = lambda look: look > 20 and on.counts.update({"auth-api": BAD})
    assert on.climb(QUICK).code == 5


def test_a_canary_that_is_not_ready_for_more_is_waited_for():
    on = Mountain.of(auth_api=2)
    on.unfit = "1 of 2 pods are ready"
    on.sees = lambda look: setattr(on, "unfit", on.unfit if look < 30 else "")
    assert on.climb(replace(QUICK, to=3, promote=False)).code == 0


def test_routes_that_cannot_be_moved_are_tried_again():
    on = Mountain.of(auth_api=2)
    on.counts["auth-api"] = BAD
    on.frozen = {"auth-api": ("the cluster does not answer", 40)}
    assert on.climb(QUICK).code == 5
    assert [event.why for event in on.told("waits")] == [
        "routes are not moved yet, and are tried again: auth-api: the cluster does not answer"
    ]
    assert 30 < on.told("struck")[0].seconds < 40


@pytest.mark.parametrize(
    ("services", "seconds"), [({"auth_api": 2}, 600), ({"auth_api": 2, "scan_api": 2}, 30)]
)
def test_routes_that_never_move_end_it_as_an_abort_ends(services, seconds):
    on = Mountain.of(**services)
    on.counts["auth-api"] = BAD
    on.frozen = {"auth-api": ("no right to write it", 9999)}
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("sick", 1)
    assert "no right to write it" in ending.words
    assert seconds <= on.seconds < seconds + 10
    assert on.told("struck") == on.told("taken back") == []
    assert on.routes.pop("auth-api") == 5
    assert set(on.routes.values()) <= {None}


def test_an_api_server_that_is_away_is_waited_for():
    on = Mountain.of(auth_api=2)
    on.sees = lambda look: setattr(on, "away", "the cluster does not answer" if 2 < look < 30 else "")
    assert on.climb(replace(QUICK, to=3, promote=False)).code == 0
    assert "the cluster does not answer" in on.told("waits")[0].why
    assert on.told("raised")[0].phases == {"auth-api": 3}
    assert len([event for event in on.told("looked") if event.phase == 2]) >= 30


def test_an_api_server_that_stays_away_moves_nothing():
    on = Mountain.of(auth_api=2)
    on.sees = lambda look: setattr(on, "away", "the cluster does not answer" if look > 2 else "")
    ending = on.climb(QUICK)
    assert (ending.code, on.visits) == (6, [])
    assert "the cluster does not answer" in ending.words


def test_what_cannot_be_read_at_the_start_is_refused():
    on = Mountain.of(auth_api=2)
    on.away = "the backend does not answer"
    assert on.climb(QUICK).code == 1


def late_at_every_second_look(on):
    on.sees = lambda look: on.counts.update(dict.fromkeys(on.counts, LATE if look % 2 else GOOD))


def test_a_prometheus_that_is_slow_holds_no_step_up():
    """A look that it has not answered yet begins a question, and the next one takes the answer."""
    on = Mountain.of(auth_api=2)
    late_at_every_second_look(on)
    assert on.climb(Goal(to=4, soak_seconds=20, give_up_seconds=600)).outcome == "arrived"
    assert on.state["auth-api"].phase == 4

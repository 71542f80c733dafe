"""A rollout that climbs by itself: on a stack that is made up, with the judge that is real."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eco2.climb.judges import Judges
from rollout.judge.judging import Reading
from rollout.judge.observations import Batch, Counts
from rollout.judge.signs import PodLook
from tests.mountain import BAD, GOOD, NEW, QUICK, KilledError, Mountain, Site


def test_it_climbs_phase_by_phase_and_promotes():
    on = Mountain.of(auth_api=0)
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("promoted", 0)
    assert [visit["auth-api"] for visit in on.visits] == [1, 2, 3, 4, 5, 0]
    assert on.stable["auth-api"] == NEW
    assert [event.event for event in on.events if event.event != "looked"] == [
        "began",
        *["raised", *["judged", "raised"] * 4, "judged"],
        *("promoted", "ended"),
    ]


def test_each_update_says_why_in_its_message():
    on = Mountain.of(auth_api=0)
    on.climb(QUICK)
    assert on.messages[0] == "climb auth-api 0 → 1: begins; canary image new"
    assert on.messages[2].startswith("climb auth-api 2 → 3: well after 20 s: ")
    assert "requests failed" in on.messages[2]
    assert on.messages[2].endswith("; canary image new")
    assert on.messages[-1].startswith("climb promotes auth-api: well after 20 s: ")


def test_the_soak_is_the_least_time_at_a_phase():
    on = Mountain.of(auth_api=2)
    on.climb(replace(QUICK, to=3, promote=False, soak_seconds=300))
    (raised,) = on.told("raised")
    assert raised.phases == {"auth-api": 3}
    assert all(event.seconds_in_phase >= 300 for event in on.told("judged"))
    assert len(on.told("judged")) == 2


def test_it_arrives_once_that_phase_is_well():
    on = Mountain.of(auth_api=0)
    ending = on.climb(replace(QUICK, to=3, promote=False))
    assert (ending.outcome, ending.code) == ("arrived", 0)
    assert on.phases == {"auth-api": 3}
    assert on.told("judged")[-1].phase == 3


def test_a_sick_canary_goes_back_and_the_message_says_why():
    on = Mountain.of(auth_api=1)
    on.counts["auth-api"] = BAD
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("sick", 5)
    assert on.phases == {"auth-api": 0}
    assert on.routes == {"auth-api": None}
    (struck,) = on.told("struck")
    assert struck.seconds <= 1
    assert on.messages[-1].startswith("climb takes back auth-api 1 → 0: sick after 5 s: auth-api: ")


def test_one_that_is_sick_takes_all_back():
    on = Mountain.of(auth_api=3, scan_api=3, my_api=3)
    on.sees = lambda look: on.counts.update(scan_api=0) or (look > 8 and on.counts.update({"scan-api": BAD}))
    ending = on.climb(QUICK)
    assert ending.code == 5
    assert on.phases == {"auth-api": 0, "scan-api": 0, "my-api": 0}
    assert on.told("struck")[0].services == ("auth-api", "scan-api", "my-api")
    assert list(on.told("struck")[0].why) == ["scan-api"]


def test_several_go_up_in_one_update_and_a_shorter_ladder_waits():
    on = Mountain.of(auth_api=0)
    on.add("scan-api", 0, (0, 100))
    on.climb(QUICK)
    assert on.visits == [
        {"auth-api": 1, "scan-api": 1},
        {"auth-api": 2, "scan-api": 2},
        *({"auth-api": phase, "scan-api": 2} for phase in (3, 4, 5)),
        {"auth-api": 0, "scan-api": 0},
    ]


def test_who_waits_at_its_last_phase_is_judged_on():
    on = Mountain.of(auth_api=1)
    on.add("scan-api", 2, (0, 100))
    on.sees = lambda look: look > 8 and on.counts.update({"scan-api": BAD})
    assert on.climb(QUICK).code == 5
    assert on.phases == {"auth-api": 0, "scan-api": 0}


def test_a_canary_that_fails_everything_at_full_weight_goes_back_though_nobody_knows_what_stable_did():
    on = Mountain.of(auth_api=5)
    on.earlier_from = 10_000
    on.counts["auth-api"] = Batch(Counts(100, 100), Counts(0, 0))
    assert on.climb(QUICK).outcome == "sick"
    assert on.seconds < 30


def test_pods_that_are_not_ready_are_seen_while_nobody_knows_what_stable_did():
    on = Mountain.of(auth_api=5)
    judges = Judges(Site(on))
    on.earlier_from = 10_000
    judges.begin_phase({"auth-api": 100})
    for _ in range(3):
        judges.after({"auth-api": Reading(0.0, GOOD, GOOD, PodLook(1, 2, {}))})
    assert judges.verdicts["auth-api"].answer == "sick"


def test_what_spoke_against_a_canary_goes_on_at_full_weight_though_few_requests_of_stable_were_seen():
    on = Mountain.of(auth_api=4)
    judges = Judges(Site(on))
    judges.begin_phase({"auth-api": 50})
    judges.after({"auth-api": Reading(0.0, Batch(Counts(50, 50), Counts(50, 0)), GOOD, PodLook(1, 1, {}))})
    assert judges.verdicts["auth-api"].answer == "sick"
    judges.begin_phase({"auth-api": 100})
    assert judges.verdicts["auth-api"].answer == "sick"


def test_what_a_guard_refuses_ends_it_where_it_is():
    on = Mountain.of(auth_api=0)
    on.sees = lambda look: setattr(on, "refused", "no node has room")
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("refused", 1)
    assert "no node has room" in ending.words
    assert "auth-api at phase 1" in ending.words
    assert on.phases == {"auth-api": 1}


def test_an_update_that_fails_ends_it_with_the_way_on_and_back():
    on = Mountain.of(auth_api=0)
    on.broken = "the update ended with exit code 255"
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("update failed", 4)
    assert "To take back: `eco2 abort auth-api --stack dev`" in ending.words
    # Mended, the same command goes on with what was written.
    on.broken = ""
    assert on.climb(QUICK).code == 0
    assert [visit["auth-api"] for visit in on.visits] == [1, 2, 3, 4, 5, 0]


def test_an_answer_of_no_changes_nothing():
    on = Mountain.of(auth_api=0)
    ending = on.climb(QUICK, agreed=lambda *_: False)
    assert (ending.outcome, ending.code) == ("refused", 1)
    assert on.visits == []
    assert on.file["auth-api"].phase == 0


def test_killed_between_any_two_calls_and_run_again_it_ends_the_same():
    whole = Mountain.of(auth_api=0, scan_api=0)
    whole.climb(QUICK)
    for call in range(1, whole.calls + 1):
        on = Mountain.of(auth_api=0, scan_api=0)
        on.dies_at = call
        with pytest.raises(KilledError):
            on.climb(QUICK)
        ending = on.climb(QUICK)
        assert ending.outcome == "promoted", (call, ending)
        assert on.visits == whole.visits, call
        assert on.stable == whole.stable


def test_killed_while_it_is_taken_back_and_run_again_it_is_back():
    def sick():
        on = Mountain.of(auth_api=3, scan_api=3)
        on.counts["scan-api"] = BAD
        return on

    whole = sick()
    whole.climb(QUICK)
    for call in range(1, whole.calls + 1):
        on = sick()
        on.dies_at = call
        with pytest.raises(KilledError):
            on.climb(QUICK)
        if on.phases == {"auth-api": 0, "scan-api": 0}:
            continue  # back, and only the last words are missing
        assert on.climb(QUICK).code == 5, call
        assert on.phases == {"auth-api": 0, "scan-api": 0}
        assert set(on.routes.values()) == {None}


def test_what_is_promoted_already_is_done():
    on = Mountain.of(auth_api=0)
    assert on.climb(QUICK).outcome == "promoted"
    before = list(on.visits)
    assert on.climb(QUICK).outcome == "promoted"
    assert on.visits == before


def test_what_is_promoted_already_says_that_there_is_nothing_to_do():
    on = Mountain.of(auth_api=0)
    assert on.climb(QUICK).words == "stable of auth-api runs the canary's image"
    assert on.climb(QUICK).words == "nothing to do: stable of auth-api runs the canary's image already"


def test_a_refusal_says_once_that_nothing_was_changed():
    on = Mountain.of(auth_api=0)
    on.refused = "1 problem, nothing was changed: no node has room"
    assert on.climb(QUICK).words == on.refused
    on.refused = "no node has room"
    assert on.climb(QUICK).words == "no node has room; nothing was changed"

"""A rollout that climbs by itself: on a stack that is made up, with the judge that is real."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eco2.climb.judges import Judges
from rollout.climb.steps import Goal
from rollout.judge.judging import Reading
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.signs import PodLook
from tests.mountain import AWAY, BAD, GOOD, NEW, KilledError, Mountain, Site

QUICK = Goal(promote=True, soak_seconds=20, give_up_seconds=600)


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

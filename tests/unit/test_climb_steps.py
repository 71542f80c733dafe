"""What a climb does next: what holds whatever is found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.climb.standing import Asked, Left, Standing, moved_in_file, moved_in_state
from rollout.climb.steps import (
    Arrived,
    GiveUp,
    Goal,
    Promote,
    Raise,
    Refuse,
    TakeBack,
    Watching,
    first_step,
    next_step,
)
from rollout.climb.words import LONGEST_MESSAGE, duration, of_step
from rollout.judge.verdict import Verdict, Weighed
from rollout.spec.durations import seconds_of, typed
from rollout.spec.image import Image

pytestmark = pytest.mark.whole

OLD, NEW = Image("repo", "old"), Image("repo", "new")
LADDERS = [(0, 5, 20, 50, 100), (0, 100), (0, 10, 100)]
profile = settings(max_examples=400, deadline=None, derandomize=True)


def standing(phase=0, asked=None, ladder=LADDERS[0], stable=OLD, **more):
    said = phase if asked is None else asked
    at = [ladder[one - 1] if one else 0 for one in (said, phase)]
    return Standing(Asked(said, at[0], stable, NEW), Left(phase, at[1]), ladder, **more)


def said(name, answer):
    return Verdict(name, answer, (Weighed("failed", answer, f"is {answer}"),))


@st.composite
def climbs(draw):
    """Services, what is said of those at a phase, the time there, and where they are to get to."""
    stands, verdicts = {}, {}
    for name in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        ladder = draw(st.sampled_from(LADDERS))
        phase = draw(st.integers(0, len(ladder)))
        stands[name] = standing(phase, ladder=ladder)
        if phase and draw(st.booleans() | st.just(True)):
            verdicts[name] = said(name, draw(st.sampled_from(["well", "well", "well", "not known", "sick"])))
    to = draw(st.none() | st.integers(1, 5))
    soak = draw(st.sampled_from([0, 600]))
    goal = Goal(
        to, to is None and draw(st.booleans()), soak, 7200, draw(st.sampled_from([True, True, False]))
    )
    seconds = draw(st.floats(0, 8000))
    return stands, verdicts, seconds, goal, draw(st.sampled_from(["", "the stack is locked"]))


@profile
@given(climbs())
def test_nobody_goes_up_while_one_is_sick_or_not_known(climb):
    stands, verdicts, *_ = climb
    if isinstance(next_step(*climb), Raise | Promote):
        assert all(verdicts[name].answer == "well" for name, one in stands.items() if one.phase)


@profile
@given(climbs())
def test_no_phase_is_skipped_and_nobody_goes_down(climb):
    step, stands = next_step(*climb), climb[0]
    if isinstance(step, Raise):
        assert step.phases
        for name, phase in step.phases.items():
            assert phase == stands[name].phase + 1 <= stands[name].last


@profile
@given(climbs())
def test_all_that_are_to_go_up_go_together(climb):
    step, (stands, _, _, goal, _) = next_step(*climb), climb
    if isinstance(step, Raise):
        assert set(step.phases) == {name for name, one in stands.items() if one.phase < goal.top(one)}


@profile
@given(climbs())
def test_one_that_is_sick_takes_all_back_whatever_else_there_is(climb):
    step, verdicts = next_step(*climb), climb[1]
    sick = {name for name, one in verdicts.items() if one.answer == "sick"}
    assert isinstance(step, TakeBack) == bool(sick)
    if isinstance(step, TakeBack):
        assert set(step.why) == sick


@profile
@given(climbs())
def test_the_soak_is_a_minimum_and_patience_ends(climb):
    step, (stands, verdicts, seconds, goal, waits) = next_step(*climb), climb
    at_a_phase = any(one.phase for one in stands.values())
    if isinstance(step, Raise | Promote | Arrived) and at_a_phase:
        assert seconds >= goal.soak_seconds
    if isinstance(step, Watching):
        assert seconds < goal.give_up_seconds
    if isinstance(step, GiveUp):
        unsure = any(
            verdicts.get(name) is None or verdicts[name].answer != "well"
            for name in stands
            if stands[name].phase
        )
        assert seconds >= goal.give_up_seconds
        assert unsure or waits


@profile
@given(climbs())
def test_a_judge_alone_moves_nothing(climb):
    stands, verdicts, seconds, _, waits = climb
    goal = Goal(soak_seconds=0, moves=False)
    assert not isinstance(next_step(stands, verdicts, seconds, goal, waits), Raise | Promote)
    assert not isinstance(first_step(stands, goal, {"a": "off"}, ""), Raise | Promote | TakeBack)


@profile
@given(climbs())
def test_nobody_is_promoted_before_all_are_at_their_last_phase(climb):
    step, stands = next_step(*climb), climb[0]
    if isinstance(step, Promote):
        assert all(one.phase == one.last for one in stands.values())


OPTIONS = "--stack dev"


def first(stand, goal=None, off=None):
    return first_step({"a": stand}, goal or Goal(), off or {}, OPTIONS)


def test_a_step_that_was_written_and_not_done_is_done_first():
    step = first_step({"a": standing(2, asked=3), "b": standing(2)}, Goal(), {}, OPTIONS)
    assert step == Raise({"a": 3}, begun=True)


def test_an_abort_that_was_begun_is_finished_first():
    for found in (first(standing(3, asked=0)), first(standing(3), off={"a": "its routes lead to stable"})):
        assert isinstance(found, TakeBack)
        assert found.begun


def test_a_promotion_that_was_written_is_finished_by_those_who_ask_for_one():
    begun = standing(5, asked=0, stable=NEW, promoting=True)
    assert first(begun, Goal(promote=True)) == Promote(("a",), begun=True)
    refused = first(begun)
    assert isinstance(refused, Refuse)
    assert "`eco2 promote a --stack dev`, or add --promote" in refused.words


@pytest.mark.parametrize(
    ("stand", "to", "words"),
    [
        (standing(3, asked=2), None, "a step back from phase 3 that is not done"),
        (standing(1, asked=3), None, "`eco2 advance a --to 2 --stack dev`"),
        (standing(3), 2, "is at phase 3 already"),
        (standing(3), 6, "there is no phase 6"),
        (standing(0), 0, "there is no phase 0"),
        (standing(0, ladder=()), None, "its ladder has no canary"),
    ],
)
def test_from_where_it_cannot_begin(stand, to, words):
    refused = first(stand, Goal(to))
    assert isinstance(refused, Refuse)
    assert words in refused.words


def test_a_shorter_ladder_arrives_at_its_last_phase():
    stands = {"a": standing(2, ladder=(0, 100)), "b": standing(2)}
    assert isinstance(first_step(stands, Goal(4), {}, OPTIONS), Watching)
    well = {name: said(name, "well") for name in stands}
    assert next_step(stands, well, 700, Goal(4)) == Raise({"b": 3})


def test_only_what_the_climb_knows_of_is_watched():
    known = {"a": standing(2)}
    assert moved_in_file(known, {"a": known["a"].asked, "b": standing(4).asked}) == {}
    assert moved_in_file(known, {}) == {"a": "the file does not know it any more"}
    assert moved_in_state(known, {"a": known["a"].left, "b": Left(4, 50)}) == {}
    assert list(moved_in_state(known, {})) == ["a"]


def test_an_update_that_does_what_the_file_says_moves_nothing():
    known = {"a": standing(2, asked=3)}
    assert moved_in_state(known, {"a": Left(3, 20)}) == {}
    assert list(moved_in_state(known, {"a": Left(3, 20)}, accept=False)) == ["a"]
    assert list(moved_in_state(known, {"a": Left(4, 50)})) == ["a"]


def test_a_message_is_one_line_and_ends_with_the_image():
    long = Verdict("a", "well", (Weighed("failed", "well", "well\nand " * 400),))
    message = of_step({"a": standing(2)}, {"a": 3}, {"a": long}, 600)
    assert len(message) <= LONGEST_MESSAGE
    assert "\n" not in message
    assert message.startswith("climb a 2 → 3: well after 10 min: well and well")
    assert message.endswith("...; canary image new")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (600, "10 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
    ],
)
def test_durations_in_words(seconds, told):
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("0s", 0), ("500ms", 0.5), ("1.5h", 5400)],
)
def test_durations_that_a_person_types(text, seconds):
    assert seconds_of(text) == seconds
    assert seconds_of(typed(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1s", "ten", "10 m", "1d", "999h", "1e3s", "10m\n", "٣s"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match=r"no duration|longer than a month"):
        seconds_of(text)

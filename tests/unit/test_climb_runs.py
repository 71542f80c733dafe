"""What one run of a climb by workflows does, from file, state and what the run before left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.climb.runs import EndError, Run, decide
from rollout.climb.standing import Asked, Left, Standing, left_of
from rollout.climb.steps import Goal
from rollout.plan.prior import PodCounts, Prior
from rollout.plan.state import Deployed
from rollout.spec.image import Image
from rollout.traffic.split import Split

STABLE, CANARY = Image.parse("docker.io/x/eco2:stable"), Image.parse("docker.io/x/eco2:canary")
WEIGHTS = (0, 5, 20, 50, 100)


def at(phase, asked=None, ladder=WEIGHTS):
    """A service at a phase, of which the file asks for another one."""
    asked = phase if asked is None else asked
    weights = (0, *ladder)
    return Standing(Asked(asked, weights[asked], STABLE, CANARY), Left(phase, weights[phase]), ladder)


def run(stood=None, foreign="", goal=None, **stands):
    told = {name.replace("_", "-"): one for name, one in stands.items()}
    made = Run("prod", tuple(told), goal or Goal(), "1", "a" * 40, 0, stood or {}, reviewed=True)
    return decide(made, told, foreign)


def test_a_canary_is_watched_before_its_next_step():
    assert run(auth_api=at(2)) == {
        "todo": "watch", "watching": "auth-api", "then": "up", "names": "auth-api", "moves": "auth-api 2 → 3",
    }  # fmt: skip


def test_the_first_step_waits_for_no_canary():
    found = run(auth_api=at(0))
    assert (found["todo"], found["then"], found["moves"]) == ("step", "up", "auth-api 0 → 1")


def test_a_step_that_is_written_is_updated_to_and_then_watched():
    found = run(auth_api=at(2, asked=3))
    assert (found["todo"], found["moves"]) == ("update", "auth-api 3 → 4")


def test_services_climb_as_one_and_who_has_arrived_is_watched_on():
    found = run(auth_api=at(2), my_api=at(2, ladder=(0, 100)), scan_api=at(0))
    assert found["watching"] == "auth-api my-api"
    assert found["names"] == "auth-api scan-api"


def test_at_the_top_it_arrives_or_promotes():
    assert run(auth_api=at(3), goal=Goal(to=3))["then"] == "arrived"
    assert run(auth_api=at(5))["then"] == "arrived"
    promoting = run(auth_api=at(5), goal=Goal(promote=True))
    assert (promoting["then"], promoting["names"]) == ("promote", "auth-api")


def test_a_promotion_that_is_written_is_updated_to_and_ends_the_climb():
    written = replace(at(5, asked=0), asked=Asked(0, 0, CANARY, CANARY), promoting=True)
    assert run(auth_api=written, goal=Goal(promote=True)) == {
        "todo": "update", "then": "promoted", "promoting": "auth-api", "watching": "auth-api",
    }  # fmt: skip
    with pytest.raises(EndError, match="stable runs its image") as ended:
        run(auth_api=replace(at(0), asked=Asked(0, 0, CANARY, CANARY)), goal=Goal(promote=True))
    assert ended.value.outcome == "promoted"


def test_what_nobody_approved_holds_steps_and_updates_but_no_watch():
    for stands in (at(2), at(2, asked=3)):
        found = run(auth_api=stands, foreign="scan-api")
        assert found["todo"] == "watch"
        assert found["hold"].endswith("a step would bring them along: scan-api")
    with pytest.raises(EndError, match="deploy them, then start the climb again"):
        run(auth_api=at(0), foreign="scan-api")


def test_a_state_that_is_neither_as_it_was_left_nor_as_git_asks_was_moved_by_somebody():
    assert run({"auth-api": 2}, auth_api=at(2, asked=3))["todo"] == "update"
    assert run({"auth-api": 2}, auth_api=at(3))["todo"] == "watch"
    for stands in (at(1, asked=3), at(0, asked=3), at(0, asked=1)):
        with pytest.raises(EndError, match="somebody else brought it from phase 2") as ended:
            run({"auth-api": 2}, auth_api=stands)
        assert ended.value.outcome == "moved by somebody"


def test_an_abort_in_the_file_is_finished_by_nobody_but_itself():
    with pytest.raises(EndError, match="is being taken back") as ended:
        run(auth_api=at(3, asked=0))
    assert ended.value.outcome == "moved by somebody"


def test_a_phase_that_would_be_skipped_is_refused():
    with pytest.raises(EndError, match="a climb skips no phase") as ended:
        run(auth_api=at(1, asked=3))
    assert ended.value.outcome == "refused"


def test_the_state_tells_of_a_canary_that_an_update_brought_up_before_it_failed():
    off = Prior(0, 0, STABLE, None, 0.0, WEIGHTS, PodCounts(1, 0))
    assert not left_of(replace(off, routes=Split(0, header=False), deployed=Deployed(STABLE, None))).there
    for found in ({"routes": Split(0, header=True)}, {"deployed": Deployed(STABLE, CANARY)}):
        stands = replace(at(0, asked=1), left=left_of(replace(off, **found)))
        assert (stands.phase, stands.judged) == (0, True)

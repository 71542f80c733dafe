"""A climb's update does its own step, and nothing that others have prepared."""

from __future__ import annotations

from dataclasses import replace

from rollout.climb.beside import beside_step
from rollout.climb.steps import Goal
from rollout.diff.differences import Beside
from rollout.plan.order import Direction
from rollout.report.cost import Extra
from rollout.report.report import Report, ServiceChange, Side
from rollout.spec.instances import Load
from tests.mountain import Mountain

QUICK = Goal(promote=True, soak_seconds=20, give_up_seconds=600)
NONE = Extra("auth-api", Load(), Load())


def change(name, before=("5 %", "old", "new"), after=("20 %", "old", "new")):
    sides = [Side(2, 0, stable, canary, 1, 1, level) for level, stable, canary in (before, after)]
    return ServiceChange(name, Direction.UP, *sides, "", "", (), NONE, refused=False)


def plan(*changes, **more):
    return Report("dev", "Pulumi.dev.yaml", False, changes, (), (), NONE, (), **{"warnings": (), **more})


def test_the_step_itself_is_nothing_beside_it():
    assert beside_step(plan(change("auth-api"), beside=()), {"auth-api": ()}) == ""
    assert beside_step(plan(warnings=("auth-api: few nodes",)), {"auth-api": ()}) == ""


def test_rollouts_and_images_of_others_and_objects_of_the_platform_are_named():
    told = beside_step(
        plan(
            change("auth-api"),
            change("scan-api"),
            change("my-api", ("off", "old", None), ("off", "new", None)),
            replace(change("chat-api"), before=None),
            beside=(Beside("restarts", ("fe-api",), ("env A",)), Beside("deleted", ("Namespace x",), ())),
            warnings=("what changes beside rollouts cannot be compared: the program ends with: x",),
        ),
        {"auth-api": ()},
    )
    assert told == (
        "scan-api from 5 % → 20 %; my-api stable image old → new; chat-api is new; restarts: fe-api; "
        "deleted: Namespace x; what changes beside rollouts cannot be compared: the program ends with: x"
    )


def test_a_climb_does_not_begin_where_its_update_would_do_more():
    on = Mountain.of(auth_api=0)
    on.beside = "scan-api from 5 % → 20 %"
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("refused", 1)
    assert "scan-api from 5 % → 20 %; nothing was changed" in ending.words
    assert on.visits == []


def test_what_is_prepared_meanwhile_is_waited_for_and_the_canary_watched():
    on = Mountain.of(auth_api=1)
    on.sees = lambda look: setattr(on, "beside", "scan-api from 5 % → 20 %" if 2 < look < 30 else "")
    assert on.climb(QUICK).outcome == "promoted"
    assert [event.why for event in on.told("waits")] == ["scan-api from 5 % → 20 %", ""]


def test_it_does_not_wait_for_others_for_ever():
    on = Mountain.of(auth_api=1)
    on.sees = lambda _: setattr(on, "beside", "scan-api from 5 % → 20 %")
    ending = on.climb(QUICK)
    assert (ending.code, on.visits) == (6, [])
    assert "scan-api from 5 % → 20 %" in ending.words

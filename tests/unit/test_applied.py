"""After an update that failed: the routes in the state say where traffic stands, and not the outputs."""

from __future__ import annotations

import dataclasses

import pytest

from rollout.guards.guards import refusals
from rollout.plan.order import Direction, Part
from rollout.plan.prior import read_prior
from rollout.plan.service_plan import plan
from rollout.plan.state import ROUTES, SELECTOR, SUBSETS, applied_routes, leads_more
from rollout.spec.image import Image
from rollout.spec.services import resolve
from rollout.spec.settings import Settings
from rollout.traffic import subsets, write
from rollout.traffic.split import Split
from tests.unit.priors import entry
from tests.unit.priors import prior as made
from tests.unit.test_guards import CATALOG, STACK

HEADER = CATALOG.canary_header


def wanted(**rollout):
    said = {**STACK, "rollouts": {"auth-api": rollout} if rollout else {}}
    return resolve(CATALOG, Settings.model_validate(said))["auth-api"]


def virtual_services(phase, mesh=None):
    """The state's VirtualServices of auth-api, as the program writes them at a phase."""
    made = {}
    for name, at in (("auth-api", phase), ("auth-api-mesh", phase if mesh is None else mesh)):
        one = wanted(phase=at)
        planned = plan(one, None)
        routed = write.Routed("auth-api", one.service, HEADER)
        spec = (
            write.mesh_spec(planned.split, routed)
            if name.endswith("-mesh")
            else write.public_spec(planned.split, routed, "api.eco2.test", "a/b")
        )
        made[f"urn:pulumi:dev::eco2::{ROUTES}::{name}"] = {"type": ROUTES, "outputs": {"spec": spec}}
    return made


def left(phase, weight, routes):
    return made(phase, weight, Image("old"), Image("new"), routes=routes)


@pytest.mark.parametrize(
    ("phase", "routes"),
    [
        (0, Split(0, header=False)),
        (1, Split(0, header=True)),
        (3, Split(20, header=True)),
        (5, Split(100, header=True)),
    ],
)
def test_the_routes_of_every_phase_are_read_as_they_were_written(phase, routes):
    assert applied_routes(virtual_services(phase), CATALOG.services, {})["auth-api"] == routes


def test_where_host_and_mesh_differ_the_higher_weight_counts():
    routes = applied_routes(virtual_services(4, mesh=3), CATALOG.services, {})
    assert routes["auth-api"] == Split(50, header=True)


@pytest.mark.parametrize(
    ("version", "before", "weight"),
    [("v1", 50, 0), ("v2", 50, 100), (None, 50, 50), (None, 0, 1), (None, 100, 99)],
)
def test_without_routes_the_selector_tells(version, before, weight):
    selector = {"app": "ext-authz"} | ({"version": version} if version else {})
    state = {
        f"urn:x::y::{SELECTOR}::ext-authz": {"type": SELECTOR, "outputs": {"spec": {"selector": selector}}}
    }
    routes = applied_routes(state, CATALOG.services, {"ext-authz": before})
    assert routes == {"ext-authz": Split(weight, header=False)}


@pytest.mark.parametrize(
    ("version", "weight", "read"), [(None, 100, 100), (None, 50, 20), ("v1", 100, 0), ("v2", 50, 100)]
)
def test_without_routes_the_rule_tells_whose_pods_come_first(version, weight, read):
    selector = {"app": "ext-authz"} | ({"version": version} if version else {})
    routed = write.Routed("ext-authz", CATALOG.services["ext-authz"], HEADER)
    specs = {SELECTOR: {"selector": selector}, SUBSETS: subsets.destination_rule_spec(routed, weight)}
    state = {
        f"urn:x::y::{kind}::ext-authz": {"type": kind, "outputs": {"spec": spec}}
        for kind, spec in specs.items()
    }
    assert applied_routes(state, CATALOG.services, {"ext-authz": 20}) == {
        "ext-authz": Split(read, header=False)
    }


@pytest.mark.parametrize(("before", "after", "more"), [(50, 100, True), (100, 50, False), (100, 100, False)])
def test_a_rule_that_takes_the_canarys_pods_first_leads_more_to_them(before, after, more):
    routed = write.Routed("ext-authz", CATALOG.services["ext-authz"], HEADER)
    old, new = ({"spec": subsets.destination_rule_spec(routed, weight)} for weight in (before, after))
    assert leads_more(new, old) is more


def test_objects_of_another_shape_count_as_none():
    state = {
        f"urn::{name}": {"type": ROUTES, "outputs": made} for name, made in (("auth-api", None), ("x", {}))
    }
    assert applied_routes(state, CATALOG.services, {}) == {}


def test_a_step_back_after_an_advance_that_failed_behind_its_routes_moves_routes_first():
    prior = left(3, 20, Split(50, header=True))
    back = plan(wanted(phase=3), prior).order
    assert back.direction is Direction.DOWN
    assert back.before(Part.ROUTES) == frozenset()
    assert Part.ROUTES in back.before(Part.CANARY)


def test_going_on_after_a_rollback_that_failed_behind_its_routes_readies_pods_first():
    # The canary may be gone already, though the outputs still say 50 %.
    prior = left(4, 50, Split(0, header=False))
    for phase in (1, 2, 3):
        order = plan(wanted(phase=phase), prior).order
        assert order.direction is Direction.UP
        assert Part.CANARY in order.before(Part.ROUTES)


def test_the_way_back_from_a_start_that_failed_behind_its_routes_waits_for_nothing():
    prior = made(0, 0, Image("old"), None, routes=Split(0, header=True))
    order = plan(wanted(), prior).order
    assert order.direction is Direction.DOWN
    assert order.before(Part.ROUTES) == frozenset()


def test_guards_take_the_more_careful_of_the_two():
    fresh = wanted(phase=2, canary={"tag": "fresh"})
    image, stable = wanted(phase=1).canary, wanted().stable
    # Rule 14: an update that failed gave the old image a weight.
    prior = made(1, 0, stable, image, routes=Split(5, header=True))
    assert 14 in [one.rule for one in refusals(fresh, prior, first=False)]
    # Rule 13: a rollback that failed took the weight away, so the climb begins anew.
    prior = made(4, 50, stable, image, routes=Split(0, header=True))
    (refused,) = refusals(wanted(phase=4), prior, first=False)
    assert refused.rule == 13
    assert refused.command.endswith("phase 2")


def test_a_promotion_that_is_run_again_is_still_one():
    image = str(wanted(phase=5).canary)
    one = wanted()
    outputs = {
        "rollouts": {
            "auth-api": entry(5, 100, "old", image),
        }
    }
    for routes in (Split(100, header=True), Split(0, header=False)):
        prior = dataclasses.replace(read_prior(outputs)["auth-api"], routes=routes)
        promoted = plan(dataclasses.replace(one, stable=wanted(phase=5).canary), prior)
        assert promoted.order.direction is Direction.PROMOTE

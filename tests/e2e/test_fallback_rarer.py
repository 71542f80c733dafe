"""The rarer faults of a canary with weight, at every weight, outside and inside the mesh, and while it moves."""

from __future__ import annotations

import time

import pytest
import yaml

from tests.failing import (
    RATE,
    SECONDS_AFTER,
    answers_500,
    assert_at_most,
    assert_over,
    at,
    broken,
    crashes,
    deleted,
    hangs,
    lost,
    mend,
    unready,
    users,
)

pytestmark = [pytest.mark.lab, pytest.mark.long]
SERVICES = ("chat-api",)
SHARE = {1: 0.0, 2: 0.05, 3: 0.2, 4: 0.5, 5: 1.0}


@pytest.fixture(autouse=True)
def mended(lab):
    yield
    mend(lab)


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("phase", [2, 4, 5])
@pytest.mark.parametrize(("fault", "most"), [(unready, 0), (answers_500, 10), (deleted, 0)])
def test_the_same_at_every_weight(stack, lab, where, phase, fault, most):
    at(stack, phase)
    assert_at_most(broken(lab, where, fault, f"phase {phase}"), most)


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_a_canary_that_crashes_again_and_again(stack, lab, where):
    at(stack, 3)
    told = broken(lab, where, crashes)
    # At each crash what the pod was just answering may be lost.
    assert told["failed"] <= 6, told["failures"]


@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("fault", [hangs, lost])
def test_a_canary_that_is_silent_is_left_out_where_routes_have_a_timeout(
    stack, lab, with_timeout, where, fault
):
    at(stack, 3)
    told = broken(lab, where, fault, "20 % with a timeout of 1 s")
    # All that were on their way when the second of them timed out; with no connection that is `connectTimeout`.
    assert told["failed"] <= (RATE * SHARE[3] * 3 if fault is hangs else 6), told["failures"]
    assert_over(told)


@pytest.fixture
def with_timeout(stack):
    catalog = stack.folder / "services.yaml"
    kept = catalog.read_text()
    described = yaml.safe_load(kept)
    chat = described["services"]["chat-api"]
    for route in chat["routes"]:
        if "directResponse" not in route:
            route["timeout"] = "1s"
    chat["meshRoutes"] = [{"name": "all", "prefix": "/", "timeout": "1s"}]
    catalog.write_text(yaml.safe_dump(described))
    yield
    catalog.write_text(kept)


@pytest.mark.parametrize("fault", [hangs, lost])
def test_without_a_timeout_a_silent_canary_costs_time_and_no_proxy_can_tell(stack, lab, fault):
    at(stack, 3)
    told = broken(lab, "outside", fault, "20 % without a timeout")
    print(f"p99 {told['latencyMs']['p99']:.0f} ms")
    if fault is lost:
        # Two connections that were tried, and what was on its way.
        assert told["failed"] <= 6, told["failures"]
        assert told["latencyMs"]["p99"] < 4000


def test_a_canary_that_goes_on_failing_is_let_in_for_a_moment_seldomer_each_time(stack, lab):
    at(stack, 3)
    with users(lab, "outside") as plain:
        time.sleep(3)
        answers_500(lab)
        struck = time.time()
        time.sleep(50)
    told = plain.told
    when = [(round(one["at"] - struck), one["failed"]) for one in told["seconds"] if one.get("failed")]
    print(f"all 500 for 50 s: {told['failed']} of {told['sent']} failed, by second: {when}")
    # At once, after 15 s, and 30 s after that. Envoy's threads hear within a second that it is left out again.
    assert told["failed"] <= 10 + 2 * RATE * SHARE[3] * 1.5, when


@pytest.mark.parametrize("phase", [0, 1])
def test_a_way_back_while_the_canary_fails_costs_nothing_more(stack, lab, phase):
    at(stack, 4)
    with users(lab, "outside") as plain:
        time.sleep(1)
        answers_500(lab)
        time.sleep(SECONDS_AFTER / 2)
        at(stack, phase)
        time.sleep(1)
        mend(lab) if phase else lab.command("behave", "--reset")
    print(f"back to phase {phase}, all 500: {plain.told['failed']} of {plain.told['sent']} failed")
    # Let in again after 15 s it fails again, and of that Envoy's threads hear a second later.
    assert plain.told["failed"] <= 10 + 2 * RATE * SHARE[4], plain.told["failures"]
    at(stack, 1)


def test_a_promotion_while_the_canary_is_unready_costs_nothing(stack, lab):
    """Its image is well and its pods are not, as where their nodes are; stable's new pods are."""
    at(stack, 5)
    images = yaml.safe_load(stack.file.read_text())["config"].get("eco2:services", {})
    with users(lab, "outside") as plain:
        time.sleep(1)
        lab.command("behave", "chat-api-dev-canary", "--unready")
        time.sleep(2)
        lab.command("behave", "--reset")
        stack.change(
            rollouts={"chat-api": {"phase": 0}},
            services={**images, "chat-api": {"image": {"tag": "chat-api-dev-canary"}}},
            overrule={},
        )
        stack.up()
        time.sleep(1)
    print(f"promotion behind an unready canary: {plain.told['failed']} of {plain.told['sent']} failed")
    assert not plain.told["failed"], plain.told["failures"]
    stack.change(services=images)
    at(stack, 1)

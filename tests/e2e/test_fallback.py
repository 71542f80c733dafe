"""What users meet while a canary with weight fails: stable's pods take its share (rule 19)."""

from __future__ import annotations

import time

import pytest

from tests.failing import (
    CANARY,
    CHAT,
    IMAGE,
    SECONDS_AFTER,
    STABLE,
    answers_500,
    assert_at_most,
    at,
    broken,
    deleted,
    every_second_one,
    mend,
    unready,
    users,
)
from tests.traffic import HOST, binomial_bounds, send
from tests.updates import dead, replicas, until

pytestmark = pytest.mark.lab
SERVICES = ("chat-api",)


@pytest.fixture(scope="module")
def at_20(stack):
    """chat-api at phase 3, its canary of one pod."""
    at(stack, 3)
    return stack


@pytest.fixture(autouse=True)
def mended(lab):
    yield
    mend(lab)


@pytest.mark.parametrize("where", ["outside", pytest.param("inside", marks=pytest.mark.rare)])
@pytest.mark.parametrize(
    ("fault", "most"),
    [
        (unready, 0),
        (answers_500, 10),
        pytest.param(every_second_one, 60, marks=pytest.mark.long),
        (deleted, 0),
    ],
)
@pytest.mark.usefixtures("at_20")
def test_a_canary_that_fails_costs_users_few_requests_or_none(lab, where, fault, most):
    assert_at_most(broken(lab, where, fault), most)


@pytest.mark.usefixtures("at_20")
def test_the_header_of_a_dead_canary_is_an_error_and_never_stables_answer(lab):
    unready(lab)
    until(lambda: replicas(lab, CANARY)[1] == 0, "the canary, not ready")
    time.sleep(1)
    told = send(lab, HOST, CHAT, 200, "--header")
    assert (told["failed"], told["answers"]) == (200, {})


@pytest.mark.long
@pytest.mark.usefixtures("at_20")
def test_an_outage_of_both_is_no_worse_than_without_and_the_share_comes_back(lab):
    with users(lab, "outside") as plain:
        time.sleep(2)
        for image in (STABLE, IMAGE):
            lab.command("behave", image, "--status", "500")
        time.sleep(SECONDS_AFTER)
        lab.command("behave", "--reset")
        over = time.time()
        time.sleep(3)
    told = plain.told
    print(f"both answer 500: {told['failed']} of {told['sent']} failed")
    # Without the fallback requests succeed again with the first answer; so they do with it.
    late = [one for one in told["seconds"] if one["at"] >= over + 1 and one.get("failed")]
    assert not late
    assert told["seconds"][-1].get("v1")
    low, _ = binomial_bounds(1000, 0.2)
    until(lambda: send(lab, HOST, CHAT, 1000)["answers"].get("v2", 0) / 1000 >= low, "the canary's share", 60)
    print(f"the canary has its share back {time.time() - over:.1f} s after the outage")


@pytest.mark.long
@pytest.mark.usefixtures("at_20")
def test_with_the_api_server_dead_proxies_leave_out_what_fails(lab):
    with users(lab, "outside") as plain:
        with dead(lab, "kube-apiserver"):
            answers_500(lab)
            time.sleep(SECONDS_AFTER)
        time.sleep(1)
    print(f"API server dead, all 500: {plain.told['failed']} of {plain.told['sent']} failed")
    assert plain.told["failed"] <= 10, plain.told["failures"]


@pytest.mark.long
@pytest.mark.usefixtures("at_20")
def test_with_istiod_dead_proxies_leave_dead_pods_out_by_themselves(lab):
    with users(lab, "outside") as plain:
        time.sleep(1)
        with dead(lab, "istiod"):
            deleted(lab)
            time.sleep(SECONDS_AFTER)
        time.sleep(1)
    print(f"istiod dead, pods deleted: {plain.told['failed']} of {plain.told['sent']} failed")
    assert plain.told["failed"] <= 3, plain.told["failures"]
    # A new istiod tells proxies the whole anew; the next test must not fall into that.
    time.sleep(15)

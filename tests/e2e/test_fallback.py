"""What users meet while a canary with weight fails: stable's pods take its share (rule 19)."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
import yaml

from tests.traffic import HOST, PATHS, Traffic, binomial_bounds, inside, send
from tests.updates import dead, replicas, until

pytestmark = pytest.mark.lab
CHAT, CANARY = PATHS["chat-api"], "chat/chat-api-canary"
STABLE, IMAGE = "chat-api-dev-latest", "chat-api-dev-canary"
PODS = "/api/v1/namespaces/chat/pods"
RATE = 100
SECONDS_BEFORE, SECONDS_AFTER = 3, 11


@pytest.fixture(scope="module")
def at_20(stack):
    """chat-api at phase 3, its canary of one pod."""
    stack.change(rollouts={"chat-api": {"phase": 3}}, overrule={"chat-api": "the tests begin at phase 3"})
    stack.change(readyTimeoutSeconds=60)
    stack.up()
    return stack


@pytest.fixture(autouse=True)
def mended(lab):
    def ready():
        wanted, there = replicas(lab, CANARY)
        return 0 < wanted == there

    yield
    lab.command("behave", "--reset")
    until(ready, "the canary, ready again")
    time.sleep(1)


@contextmanager
def users(lab, where):
    host, options = (HOST, ()) if where == "outside" else (inside("chat-api"), ("--inside",))
    with Traffic(lab, host, (CHAT,), rate=RATE, options=options) as told:
        yield told


def unready(lab):
    lab.command("behave", IMAGE, "--unready")


def answers_500(lab):
    lab.command("behave", IMAGE, "--status", "500")


def every_second_one(lab):
    lab.command("behave", IMAGE, "--status", "500", "--share", "0.5")


def hangs(lab):
    lab.command("behave", IMAGE, "--hang")


def deleted(lab):
    """By force; those in their place take 5 s."""
    lab.command("behave", IMAGE, "--start", "5", "--only-new")
    for pod in canary_pods(lab):
        lab.api.request("DELETE", f"{PODS}/{pod['metadata']['name']}?gracePeriodSeconds=0")


def canary_pods(lab):
    return lab.api.request("GET", f"{PODS}?labelSelector=version%3Dv2")["items"]


@pytest.mark.parametrize("where", ["outside", "inside"])
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
def test_a_canary_that_fails_costs_users_nothing(lab, where, fault, most):
    with users(lab, where) as plain:
        time.sleep(SECONDS_BEFORE)
        fault(lab)
        time.sleep(SECONDS_AFTER)
    print(
        f"{fault.__name__}, {where}: {plain.told['failed']} of {plain.told['sent']} failed, {plain.told['answers']}"
    )
    assert plain.told["sent"] > RATE * (SECONDS_BEFORE + SECONDS_AFTER) * 0.8
    assert plain.told["failed"] <= most, plain.told["failures"]


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


@pytest.mark.long
@pytest.mark.parametrize("phase", [2, 4, 5])
@pytest.mark.parametrize(("fault", "most"), [(unready, 0), (answers_500, 10), (deleted, 0)])
def test_the_same_at_every_weight(at_20, lab, phase, fault, most):
    at_20.change(rollouts={"chat-api": {"phase": phase}}, overrule={"chat-api": "each test begins anew"})
    at_20.up()
    with users(lab, "outside") as plain:
        time.sleep(1)
        fault(lab)
        time.sleep(SECONDS_AFTER)
    print(f"{fault.__name__} at phase {phase}: {plain.told['failed']} of {plain.told['sent']} failed")
    assert plain.told["failed"] <= most, plain.told["failures"]


@pytest.mark.long
def test_a_canary_that_hangs_is_left_out_where_routes_have_a_timeout(at_20, lab):
    catalog = at_20.folder / "services.yaml"
    described = yaml.safe_load(catalog.read_text())
    described["services"]["chat-api"]["routes"][0]["timeout"] = "1s"
    catalog.write_text(yaml.safe_dump(described))
    at_20.change(rollouts={"chat-api": {"phase": 3}}, overrule={"chat-api": "the test begins at phase 3"})
    at_20.up()
    with users(lab, "outside") as plain:
        time.sleep(1)
        hangs(lab)
        time.sleep(SECONDS_AFTER)
    print(f"hangs, with a timeout of 1 s: {plain.told['failed']} of {plain.told['sent']} failed")
    # All that were on their way when the second of them timed out.
    assert plain.told["failed"] <= RATE * 0.2 * 3, plain.told["failures"]
    late = [one for one in plain.told["seconds"][-4:] if one.get("failed")]
    assert not late

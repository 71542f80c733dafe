"""What breaks while a fifth of the traffic is on the canary, and what users see of it.

200 requests a second without the header go on through everything; beside them 20 with it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest

from lab.api import ApiError, Unreachable
from tests.traffic import HOST, PATHS, Traffic, binomial_bounds, send
from tests.updates import Update, dead, replicas, until, weight

pytestmark = [pytest.mark.lab, pytest.mark.long]
CHAT, NAME, CANARY = PATHS["chat-api"], "chat/chat-api", "chat/chat-api-canary"
IMAGE = "chat-api-dev-canary"
STABLE_PODS = 6
"""So many that the canary has another size at each phase: 2 at 20 %, 3 at 50 %."""

START = "12"
"""Seconds that a new pod takes: long enough for a kill to come before the routes, on a busy machine, too."""


@pytest.fixture
def at_20(stack, lab):
    """chat-api at phase 3; whatever a test leaves is mended."""
    stack.set("eco2:services.chat-api.replicas", str(STABLE_PODS))
    stack.change(rollouts={"chat-api": {"phase": 3}}, readyTimeoutSeconds=60)
    stack.change(overrule={"chat-api": "each test begins at phase 3"})
    stack.up()
    assert replicas(lab, CANARY) == (2, 2)
    yield
    lab.command("behave", "--reset")
    stack.change(rollouts={})
    assert stack.eco2("recover").returncode == 0
    stack.up()


def api_answers(lab):
    try:
        return lab.api.request("GET", "/readyz") == "ok"
    except (ApiError, Unreachable):
        return False


@contextmanager
def users(lab):
    """Requests without and with the header; what came of both is in the two afterwards."""
    with (
        Traffic(lab, HOST, (CHAT,)) as plain,
        Traffic(lab, HOST, (CHAT,), rate=20, options=("--header",)) as header,
    ):
        yield plain, header


def told(what, plain, header):
    for name, one in (("without the header", plain.told), ("with it", header.told)):
        print(f"{what}, {name}: {one['sent']} requests, {one['answers']}, {one['failed']} failed")


def share(lab, count=2000):
    answers = send(lab, HOST, CHAT, count)
    assert answers["failed"] == 0
    return answers["answers"].get("v2", 0) / count


def assert_share(lab, wanted, count=2000):
    low, high = binomial_bounds(count, wanted)
    assert low <= share(lab, count) <= high


@pytest.mark.usefixtures("at_20")
def test_all_canary_pods_become_unready(stack, lab):
    lab.command("behave", IMAGE, "--unready")
    until(lambda: replicas(lab, CANARY)[1] == 0, "canary pods that are not ready")
    time.sleep(2)
    # Stable's pods serve the canary's share (rule 19); the header, which means the canary, fails.
    with users(lab) as (plain, header):
        time.sleep(15)
    told("no canary pod is ready", plain, header)
    plain.assert_none_failed()
    assert plain.told["answers"].keys() == {"v1"}
    assert header.told["statuses"].keys() == {"503"}
    # The way out does not wait for the sick pods.
    began = time.monotonic()
    assert stack.eco2("abort", "chat-api", "--no-reconcile").returncode == 0
    print(f"abort: {time.monotonic() - began:.2f} s")
    time.sleep(1)
    with users(lab) as (plain, header):
        assert stack.eco2("abort", "chat-api").returncode == 0
    plain.assert_none_failed()
    header.assert_none_failed()


@pytest.mark.usefixtures("at_20")
def test_istiod_dies_during_an_advance(stack, lab):
    with users(lab) as (plain, header):
        lab.command("behave", IMAGE, "--start", START, "--only-new")
        stack.set("eco2:rollouts.chat-api.phase", "4")
        with Update(stack) as update:
            until(lambda: replicas(lab, CANARY)[0] == 3, "the canary's new size")
            with dead(lab, "istiod"):
                assert update.end() == 0, update.told
                # The API has the new weight, and proxies go on with what they knew.
                assert weight(lab, NAME) == 50
                assert_share(lab, 0.2)
        until(lambda: abs(share(lab, 500) - 0.5) < 0.1, "proxies with the new weight")
        assert_share(lab, 0.5)
    told("istiod dies during an advance", plain, header)
    plain.assert_none_failed()
    header.assert_none_failed()
    assert header.told["answers"].keys() == {"v2"}


@pytest.mark.usefixtures("at_20")
def test_the_api_server_dies_during_an_advance(stack, lab):
    with users(lab) as (plain, header):
        lab.command("behave", IMAGE, "--start", START, "--only-new")
        stack.set("eco2:rollouts.chat-api.phase", "4")
        with Update(stack) as update:
            until(lambda: replicas(lab, CANARY)[0] == 3, "the canary's new size")
            with dead(lab, "kube-apiserver"):
                assert update.end() != 0
                assert "configured Kubernetes cluster is unreachable" in update.told
                assert "Traceback" not in update.told
                assert_share(lab, 0.2)
        until(lambda: api_answers(lab), "the API server")
        assert stack.eco2("recover").returncode == 0
        stack.up()
        assert replicas(lab, CANARY) == (3, 3)
        assert weight(lab, NAME) == 50
        until(lambda: abs(share(lab, 500) - 0.5) < 0.1, "proxies with the new weight")
    told("the API server dies during an advance", plain, header)
    plain.assert_none_failed()
    header.assert_none_failed()
    assert header.told["answers"].keys() == {"v2"}


@pytest.mark.usefixtures("at_20")
def test_pulumi_is_killed_between_the_canary_and_its_weight(stack, lab):
    with users(lab) as (plain, header):
        lab.command("behave", IMAGE, "--start", START, "--only-new")
        stack.set("eco2:rollouts.chat-api.phase", "4")
        with Update(stack) as update:
            until(lambda: replicas(lab, CANARY)[0] == 3, "the canary's new size")
            # Frozen before the pods are ready, it cannot have sent the routes when it is killed.
            update.freeze()
            until(lambda: replicas(lab, CANARY) == (3, 3), "the canary's new pods")
            update.kill()
        assert weight(lab, NAME) == 20
        assert_share(lab, 0.2)
        assert stack.eco2("recover").returncode == 0
        stack.up()
        assert weight(lab, NAME) == 50
        until(lambda: abs(share(lab, 500) - 0.5) < 0.1, "proxies with the new weight")
        assert stack.changes() == []
    told("pulumi is killed between canary and weight", plain, header)
    plain.assert_none_failed()
    header.assert_none_failed()
    assert header.told["answers"].keys() == {"v2"}


@pytest.mark.usefixtures("at_20")
@pytest.mark.parametrize("phase", [2, 0])
def test_pulumi_is_killed_between_the_weight_and_the_scale_down(stack, lab, phase):
    left = {2: (5, 1), 0: (0, 0)}[phase]
    with users(lab) as (plain, header):
        stack.set("eco2:rollouts.chat-api.phase", str(phase))
        with Update(stack) as update:
            both = (NAME, f"{NAME}-mesh")
            until(lambda: all(weight(lab, one) == left[0] for one in both), "the new weights")
            # The canary is held until proxies know (routePropagationSeconds), and then still has a grace period.
            time.sleep(0.5)
            update.kill()
        assert replicas(lab, CANARY) == (2, 2)
        assert_share(lab, left[0] / 100)
        assert stack.eco2("recover").returncode == 0
        stack.up()
        until(lambda: replicas(lab, CANARY) == (left[1], left[1]), "the canary's end")
        assert stack.changes() == []
    told(f"pulumi is killed between weight and scale-down to phase {phase}", plain, header)
    plain.assert_none_failed()
    header.assert_none_failed()
    assert header.told["answers"].keys() == ({"v2"} if phase else {"v1", "v2"})

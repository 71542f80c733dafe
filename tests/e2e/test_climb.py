"""A rollout that climbs by itself under load: it is judged by what the lab's Prometheus counts."""

from __future__ import annotations

import time

import pytest
import yaml

from tests.climbing import Climbing
from tests.failing import CHAT, IMAGE
from tests.traffic import HOST, Traffic
from tests.updates import until, weight

pytestmark = pytest.mark.lab
SERVICES = ("chat-api",)
NAME = "chat/chat-api"
EASY = {"margin": 5, "slowMargin": 20, "leastRequests": 50}
"""A judge that is soon sure, so that the test is soon over."""
QUICK = ("--soak=3s", "--give-up=4m", "--look-every=1s")


def at_phase(stack, phase):
    """chat-api at a phase, with a judge that is soon sure."""
    stack.change(
        services={"chat-api": {"judge": EASY}},
        rollouts={"chat-api": {"phase": phase}},
        overrule={"chat-api": "each test begins anew"},
    )
    stack.up()
    stack.change(overrule={})


def phase_in_file(stack):
    return yaml.safe_load(stack.file.read_text())["config"]["eco2:rollouts"]["chat-api"]["phase"]


@pytest.fixture(autouse=True)
def mended(lab):
    yield
    lab.command("behave", "--reset")


def test_it_climbs_while_it_is_well_and_is_taken_back_once_it_is_sick(stack, lab):
    at_phase(stack, 1)
    with Traffic(lab, HOST, (CHAT,), rate=200) as users, Climbing(stack, "chat-api", *QUICK) as climbing:
        raised = climbing.until("raised")
        assert raised["phases"] == {"chat-api": 2}
        assert raised["weights"] == {"chat-api": 5}
        assert weight(lab, NAME) == 5
        time.sleep(2)
        broken = time.time()
        lab.command("behave", IMAGE, "--status", "500")
        ending = climbing.end()
    assert (ending["outcome"], ending["code"]) == ("sick", 5), climbing.told
    (struck,) = climbing.named("struck")
    assert struck["seconds"] <= 1
    assert weight(lab, NAME) == weight(lab, f"{NAME}-mesh") == 0
    assert phase_in_file(stack) == 0
    assert stack.changes() == []
    last = max(one["at"] for one in users.told["failures"])
    print(
        f"last failed request {last - broken:.1f} s after it was told to fail: {users.told['failed']} failed"
    )
    told = stack.eco2("history").stdout
    assert "climb takes back chat-api" in " ".join(told.split())


@pytest.mark.rare
def test_an_abort_of_a_person_ends_it(stack, lab):
    at_phase(stack, 3)
    with Climbing(stack, "chat-api", *QUICK) as climbing:  # without load: not known
        climbing.until("looked", 3)
        aborted = stack.eco2("abort", "chat-api")
        assert aborted.returncode == 0, aborted.stdout + aborted.stderr
        ending = climbing.end()
    assert (ending["outcome"], ending["code"]) == ("moved by somebody", 7), climbing.told
    assert climbing.named("raised") == []
    assert weight(lab, NAME) == 0
    assert stack.changes() == []


@pytest.mark.rare
def test_a_judge_that_sees_no_requests_does_not_know(stack, lab):
    at_phase(stack, 2)
    done = stack.eco2("judge", "chat-api", "--soak=1s", "--give-up=8s", "--look-every=1s")
    assert done.returncode == 6, done.stdout + done.stderr
    assert "gave up after 8 s" in " ".join(done.stdout.split())
    assert weight(lab, NAME) == 5


@pytest.mark.long
def test_from_off_to_the_promotion_without_a_hand_and_without_a_failed_request(stack, lab):
    # A test before this one had the image taken back as sick.
    at_phase(stack, 0)
    with (
        Traffic(lab, HOST, (CHAT,), rate=200) as users,
        Climbing(stack, "chat-api", "--promote", "--retry", *QUICK) as climbing,
    ):
        ending = climbing.end()
    assert (ending["outcome"], ending["code"]) == ("promoted", 0), climbing.told
    assert [one["phases"]["chat-api"] for one in climbing.named("raised")] == [1, 2, 3, 4, 5]
    users.assert_none_failed()
    assert stack.changes() == []
    print(f"0 to promotion in {ending['seconds']:.0f} s, {users.told['sent']} requests, none failed")


@pytest.mark.long
def test_killed_again_and_again_it_ends_the_same(stack, lab):
    """Each run is killed with its update some seconds after it began; the next one goes on."""
    stack.change(services={})
    at_phase(stack, 0)
    seen = []
    with Traffic(lab, HOST, (CHAT,), rate=200) as users:
        for seconds in (4, 7, 11, 15, 19, 23, 9, 13, 17, 21):
            with Climbing(stack, "chat-api", "--promote", "--retry", *QUICK) as climbing:
                time.sleep(seconds)
            seen += [one["phases"]["chat-api"] for one in climbing.named("raised")]
            recovered = stack.eco2("recover")
            assert recovered.returncode == 0, recovered.stderr
        with Climbing(stack, "chat-api", "--promote", "--retry", *QUICK) as climbing:
            ending = climbing.end()
        seen += [one["phases"]["chat-api"] for one in climbing.named("raised")]
    assert (ending["outcome"], ending["code"]) == ("promoted", 0), climbing.told
    assert seen == sorted(set(seen)), seen
    users.assert_none_failed()
    until(lambda: weight(lab, NAME) == 0, "the routes back at stable")
    assert stack.changes() == []

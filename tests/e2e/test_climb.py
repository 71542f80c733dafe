"""A rollout that climbs by itself under load: it is judged by what the lab's Prometheus counts."""

from __future__ import annotations

import json
import os
import random
import re
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
SEED_VARIABLE = "ECO2_SEED"
"""Names the environment variable that makes random moments the same again."""

KILLS = 10
SPAN_SECONDS = 80.0
"""Not longer than a climb takes that nobody kills; one that begins anew so many times takes twice as long, so that it
is seldom promoted before the last of them."""

STEP = re.compile(r"climb chat-api (\d) → (\d):")


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


def moments():
    """When runs are killed, in seconds of climbing since the first began; a seed gives the same ones again."""
    seed = os.environ.get(SEED_VARIABLE) or str(random.SystemRandom().randrange(10**6))
    print(f"to repeat it: {SEED_VARIABLE}={seed}")
    chosen = random.Random(seed)  # noqa: S311  # no secret
    return sorted(chosen.uniform(0, SPAN_SECONDS) for _ in range(KILLS))


def steps_told(stack):
    """The steps up that updates have taken, by the stack's history, the oldest first."""
    told = json.loads(stack.eco2("history", "--limit=100", "--json").stdout)
    done = [one["message"] for one in reversed(told) if one["result"] == "succeeded"]
    return [tuple(map(int, found.groups())) for one in done if (found := STEP.match(one))]


@pytest.mark.long
def test_killed_at_ten_random_moments_it_ends_the_same(stack, lab):
    """Each run is killed with its update, wherever it is; the next one goes on from there."""
    stack.change(services={})
    at_phase(stack, 0)
    before, runs, killed = len(steps_told(stack)), [], []
    with Traffic(lab, HOST, (CHAT,), rate=200) as users:
        last = 0.0
        for moment in moments():
            with Climbing(stack, "chat-api", "--promote", "--retry", *QUICK) as climbing:
                time.sleep(moment - last)
                ended = climbing.named("ended")
            last = moment
            runs.append(climbing)
            if ended:
                break
            killed.append(round(moment, 1))
            recovered = stack.eco2("recover")
            assert recovered.returncode == 0, recovered.stderr
        else:
            with Climbing(stack, "chat-api", "--promote", "--retry", *QUICK) as climbing:
                climbing.end()
            runs.append(climbing)
    assert len(killed) >= KILLS // 2, killed
    ending = runs[-1].named("ended")[-1]
    assert (ending["outcome"], ending["code"]) == ("promoted", 0), climbing.told
    at, seen = 0, []
    for run in runs:
        for event in run.events:
            if event["event"] == "began":
                # An update that was killed at its very end is done, though nobody could say so.
                assert event["phases"]["chat-api"] in (at, at + 1), (at, event, killed)
                at = event["phases"]["chat-api"]
            elif event["event"] == "raised":
                assert event["phases"]["chat-api"] == at + 1, (at, event, killed)
                at += 1
                seen.append(at)
    assert at == 5
    assert seen == sorted(set(seen)), seen
    steps = steps_told(stack)[before:]
    assert all(up == down + 1 for down, up in steps), steps
    assert steps == sorted(set(steps)), steps
    users.assert_none_failed()
    until(lambda: weight(lab, NAME) == 0, "the routes back at stable")
    assert stack.changes() == []
    print(
        f"killed {len(killed)} times, after {killed} s of climbing; told raised: {seen}, updates: {steps}; "
        f"{users.told['sent']} requests, none failed"
    )

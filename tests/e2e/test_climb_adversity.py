"""What a climb does while something that it needs is away, or talks nonsense: never up, and in words.

At phase 3 with traffic that would have it go up after the soak; a judge without an adversity says so first.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.climbing import Climbing
from tests.failing import CHAT
from tests.prometheus import Between
from tests.traffic import HOST, Traffic
from tests.updates import Update, dead, replicas, until, weight

pytestmark = [pytest.mark.lab, pytest.mark.long]
SERVICES = ("chat-api",)
NAME = "chat/chat-api"
PHASE, WEIGHT = 3, 20
EASY = {"margin": 5, "slowMargin": 20, "leastRequests": 50}
SOAK_SECONDS, EVIDENCE_SECONDS = 14, 8
QUICK = (f"--soak={SOAK_SECONDS}s", "--give-up=20s", "--look-every=1s")
PATIENT = (f"--soak={SOAK_SECONDS}s", "--give-up=4m", "--look-every=1s")
GRACE_SECONDS = 3.0
"""A look that was under way when the adversity came may still be told as it was."""


@pytest.fixture(scope="module")
def at_3(stack, lab):
    """chat-api at phase 3, with a judge that is soon sure, under load for as long as the file runs."""
    stack.change(
        services={"chat-api": {"judge": EASY}},
        rollouts={"chat-api": {"phase": PHASE}},
        overrule={"chat-api": "the tests begin here"},
    )
    stack.up()
    stack.change(overrule={})
    with Traffic(lab, HOST, (CHAT,), rate=200) as users:
        yield stack
    users.assert_none_failed()


@pytest.fixture
def between(lab):
    with Between(lab.variables["ECO2_PROMETHEUS_URL"]) as one:
        yield one


def climb(stack, between, *options):
    return Climbing(stack, "chat-api", "--to=4", *options, ECO2_PROMETHEUS_URL=between.url)


def asked_phase(stack):
    return yaml.safe_load(stack.file.read_text())["config"]["eco2:rollouts"]["chat-api"]["phase"]


def assert_never_up(stack, lab, climbing):
    """Neither by its own account, nor in the file, the cluster, or the state."""
    assert climbing.named("raised") == climbing.named("struck") == [], climbing.told
    assert asked_phase(stack) == PHASE
    assert weight(lab, NAME) == weight(lab, f"{NAME}-mesh") == WEIGHT
    [status] = json.loads(stack.eco2("status", "chat-api", "--json").stdout)
    assert (status["phase"], status["weight"]) == (f"{PHASE} {WEIGHT}%", WEIGHT), status


def assert_never_well(climbing, since, until_then=float("inf")):
    """No look and no verdict says `well` while the adversity lasts."""
    within = [one for one in climbing.events if since + GRACE_SECONDS < at(one) < until_then]
    answers = [one["verdict"]["answer"] for one in within if one["event"] == "looked"]
    answers += [one["answer"] for one in within if one["event"] == "judged"]
    assert answers, climbing.told
    assert set(answers) == {"not known"}, (answers, climbing.told)


def at(event):
    return datetime.fromisoformat(event["at"]).timestamp()


def words(climbing):
    """All that it says of what it waits for, and at its end."""
    return " ".join(
        [climbing.told, *(one["why"] for one in climbing.named("waits"))]
        + [one["words"] for one in climbing.named("ended")]
    )


def counted(climbing):
    """Waits until it is well, or nearly, and the soak is not over: the worst moment to lose sight."""

    def enough():
        seen = climbing.named("looked")
        return seen and (
            seen[-1]["verdict"]["answer"] == "well" or seen[-1]["seconds_in_phase"] > EVIDENCE_SECONDS
        )

    until(enough, "evidence")
    [*_, last] = climbing.named("looked")
    assert last["requests"]["canary"] >= EASY["leastRequests"], climbing.told
    assert last["seconds_in_phase"] < SOAK_SECONDS, climbing.told
    print(f"after {last['seconds_in_phase']:.1f} s at the phase, {last['verdict']['answer']}:", end=" ")


def refused(between):
    between.refuse()


def broken_off(between):
    between.away = True


def html(between):
    between.nonsense = True


def another_shape(between):
    between.says = 200, b'{"status": "success", "data": [{"result": 7}]}'


def http_500(between):
    between.says = 500, b'{"status": "error", "error": "out of memory"}'


def lags(between):
    between.lag_seconds = 120


def data_lag(between):
    between.data_lag_seconds = 120


def test_without_an_adversity_the_same_canary_is_well(at_3, between):
    """So that whatever keeps the others from going up is the adversity."""
    done = at_3.eco2("judge", "chat-api", *QUICK, ECO2_PROMETHEUS_URL=between.url)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (refused, "does not answer"),
        (broken_off, "does not answer"),
        (html, "answers something else"),
        (another_shape, "answers something else"),
        (http_500, "refused: out of memory"),
        (lags, "answers with what it knew 1"),
        # Of this test alone, 2 minutes ago nothing was sent yet.
        (data_lag, "the newest counts are 1[0-9]+ s old|no request to it was counted"),
    ],
)
def test_a_prometheus_that_fails_meanwhile_holds_the_climb_up(at_3, lab, between, fault, cause):
    with climb(at_3, between, *QUICK) as climbing:
        counted(climbing)
        fault(between)
        since = time.time()
        ending = climbing.end()
    print(f"{fault.__name__}: {ending['words']}")
    assert (ending["outcome"], ending["code"]) == ("gave up", 6), climbing.told
    assert re.search(cause, ending["words"]), ending["words"]
    assert_never_well(climbing, since)
    assert_never_up(at_3, lab, climbing)


def test_a_prometheus_that_is_away_from_the_start_lets_nothing_begin(at_3, lab, between):
    between.refuse()
    with climb(at_3, between, *QUICK) as climbing:
        ending = climbing.end()
    print(f"away from the start: {ending['words']}")
    assert (ending["outcome"], ending["code"]) in (("refused", 1), ("gave up", 6)), climbing.told
    assert "does not answer" in words(climbing)
    assert "well" not in [one["verdict"]["answer"] for one in climbing.named("looked")]
    assert_never_up(at_3, lab, climbing)


def api_answers(lab):
    try:
        return lab.api.request("GET", "/readyz") == "ok"
    except Exception:  # noqa: BLE001  # whatever it is, it does not
        return False


def test_an_api_server_that_is_away_holds_the_climb_up(at_3, lab, between):
    with climb(at_3, between, *QUICK) as climbing:
        counted(climbing)
        with dead(lab, "kube-apiserver"):
            since = time.time()
            ending = climbing.end()
    print(f"API server: {ending['words']}")
    until(lambda: api_answers(lab), "the API server")
    until(lambda: replicas(lab, "chat/chat-api-canary")[1] > 0, "the canary's pods, seen again")
    assert (ending["outcome"], ending["code"]) == ("gave up", 6), climbing.told
    assert "cluster" in ending["words"] or "API server" in ending["words"]
    assert_never_well(climbing, since)
    assert_never_up(at_3, lab, climbing)


@contextmanager
def frozen_update(stack, lab):
    """Another update that holds the stack's lock, and does not go on; it leaves the lock when it is killed."""
    backend = Path(urlsplit(lab.variables["PULUMI_BACKEND_URL"]).path)
    locks = backend / ".pulumi" / "locks"
    with Update(stack) as update:
        until(lambda: list(locks.glob(f"**/{stack.name}/*.json")), "its lock")
        update.freeze()
        yield
        assert list(locks.glob(f"**/{stack.name}/*.json"))


def test_a_stack_that_another_update_has_locked_is_waited_for(at_3, lab, between):
    with frozen_update(at_3, lab), climb(at_3, between, *QUICK) as climbing:
        ending = climbing.end()
        assert asked_phase(at_3) == PHASE
    print(f"locked: {ending['words']}")
    assert (ending["outcome"], ending["code"]) == ("gave up", 6), climbing.told
    assert f"another update of {at_3.name} is under way" in ending["words"]
    assert_never_up(at_3, lab, climbing)
    # Killed, that update leaves its lock behind.
    with climb(at_3, between, *QUICK) as climbing:
        ending = climbing.end()
    print(f"lock left behind: {ending['words']}")
    assert (ending["outcome"], ending["code"]) == ("gave up", 6), climbing.told
    assert "eco2 recover" in ending["words"]
    assert_never_up(at_3, lab, climbing)
    recovered = at_3.eco2("recover")
    assert recovered.returncode == 0, recovered.stderr


def test_a_prometheus_that_restarts_is_waited_for_and_then_it_goes_up(at_3, lab, between):
    """The last one: it ends a phase higher."""
    with climb(at_3, between, *PATIENT) as climbing:
        counted(climbing)
        with dead(lab, "prometheus"):
            since = time.time()
            time.sleep(SOAK_SECONDS + 8)
            assert_never_up(at_3, lab, climbing)
            assert_never_well(climbing, since)
        back = time.time()
        ending = climbing.end()
    assert (ending["outcome"], ending["code"]) == ("arrived", 0), climbing.told
    [raised] = climbing.named("raised")
    assert at(raised) > back
    assert weight(lab, NAME) == 50
    assert any(one["why"] for one in climbing.named("waits")), climbing.told
    print(f"up {at(raised) - back:.0f} s after Prometheus was back, which had been away {back - since:.0f} s")

"""Aborts in states that updates which failed, were killed or are still running leave behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest
import yaml

from tests.traffic import HOST, PATHS, Traffic, send
from tests.updates import Update, until, weight

pytestmark = [pytest.mark.lab, pytest.mark.long]
CHAT, NAME = PATHS["chat-api"], "chat/chat-api"
DEPLOYMENTS = "/apis/apps/v1/deployments"


def image(lab, deployment):
    return lab.items(DEPLOYMENTS)[deployment]["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.fixture(autouse=True)
def mended(stack, lab):
    """Each test begins and ends with everything off."""
    stack.change(rollouts={}, services={"chat-api": {"replicas": 4}}, readyTimeoutSeconds=60)
    stack.up()
    yield
    lab.command("behave", "--reset")


def taken_back(stack, *names, **variables):
    done = stack.eco2("abort", *names, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_promotion_that_is_written_and_not_done_does_not_come_by_an_abort(stack, lab):
    before = yaml.safe_load(stack.file.read_text())["config"]["eco2:services"]
    stack.set("eco2:rollouts.chat-api.canary.tag", "chat-api-0.9.0")
    stack.jump(5, "chat-api")
    stack.set("eco2:services.chat-api.image.tag", "chat-api-0.9.0")
    stack.set("eco2:rollouts.chat-api.phase", "0")
    # A hand on the routes owns them, and is in nobody's way.
    route = "/apis/networking.istio.io/v1/namespaces/chat/virtualservices/chat-api"
    rules = lab.api.request("GET", route)["spec"]["http"]
    rules[-1]["timeout"] = "9s"
    lab.api.request("PATCH", route, {"spec": {"http": rules}}, content_type="application/merge-patch+json")
    with Traffic(lab, HOST, (CHAT,)) as users:
        told = taken_back(stack, "chat-api")
    users.assert_none_failed()
    assert "stable stays at chat-api-dev-latest" in told
    assert image(lab, NAME).endswith(":chat-api-dev-latest")
    assert yaml.safe_load(stack.file.read_text())["config"]["eco2:services"] == before
    assert stack.changes() == []


def test_a_stable_image_that_waits_in_the_file_does_not_stand_in_the_way(stack, lab):
    stack.jump(2, "chat-api")
    stack.set("eco2:services.chat-api.image.tag", "chat-api-0.7.7")
    assert "rule 15" in stack.up(check=False)
    taken_back(stack, "chat-api")
    assert image(lab, NAME).endswith(":chat-api-dev-latest")
    assert stack.changes() == []


def test_an_update_that_is_under_way_does_not_bring_the_canary_back(stack, lab):
    stack.jump(3, "chat-api")
    lab.command("behave", "chat-api-dev-canary", "--start", "8")
    stack.set("eco2:rollouts.chat-api.phase", "4")
    with Traffic(lab, HOST, (CHAT,)) as users, Update(stack) as update:
        until(lambda: "Deployment chat-api-canary updating" in update.told, "more canary pods")
        assert weight(lab, NAME) == 20
        began = time.time()
        told = taken_back(stack, "chat-api")
        assert update.end() == 0, update.told
    users.assert_none_failed()
    # It was away, came back once with the other update's routes, and was away again within a look at them.
    met = [math.floor(one["at"] - began) for one in users.told["seconds"] if one.get("v2")]
    after = [at for at in met if at >= 0]
    print(f"seconds after the abort in which the canary answered: {after}")
    returns = [at for before, at in pairwise([-1, *after]) if at > before + 1]
    assert len(returns) <= 1, after
    assert len([at for at in after if returns and at >= returns[0]]) <= 3, after
    assert len([at for at in after if not returns or at < returns[0]]) <= 5, after
    assert "another update is under way" in told
    assert "chat-api: taken back again" in told
    assert weight(lab, NAME) == 0
    assert "chat/chat-api-canary" not in lab.items(DEPLOYMENTS)
    assert stack.changes() == []


def test_a_first_step_that_still_waits_for_pods_does_not_bring_the_canary_later(stack, lab):
    lab.command("behave", "chat-api-dev-canary", "--start", "12")
    stack.set("eco2:rollouts.chat-api.phase", "1")
    with Update(stack) as update:
        until(lambda: "Deployment chat-api-canary creating" in update.told, "the canary's pods")
        assert weight(lab, NAME) == 0
        told = taken_back(stack, "chat-api")
        assert update.end() == 0, update.told
    assert "another update is under way" in told
    assert "nothing else is in flight" not in told
    assert send(lab, HOST, CHAT, 100, "--header")["answers"] == {"v1": 100}
    assert "chat/chat-api-canary" not in lab.items(DEPLOYMENTS)
    assert stack.changes() == []


@pytest.mark.parametrize(
    ("told", "wait_seconds"),
    [
        ("all traffic to stable", 0),
        ("updating chat-api", 1),
        ("updating chat-api", 2),
        ("updating chat-api", 4),
    ],
)
def test_an_abort_that_was_killed_is_finished_by_the_next(stack, lab, told, wait_seconds):
    stack.jump(2, "chat-api")
    command = [sys.executable, "-m", "eco2", "abort", "chat-api", f"--stack={stack.name}"]
    with subprocess.Popen(
        [*command, f"--project={stack.folder}"],
        env={**lab.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as abort:
        assert any(told in line for line in abort.stdout)
        time.sleep(wait_seconds)
        os.killpg(abort.pid, signal.SIGKILL)
    taken_back(stack, "chat-api")
    assert send(lab, HOST, CHAT, 100, "--header")["answers"] == {"v1": 100}
    assert "chat/chat-api-canary" not in lab.items(DEPLOYMENTS)
    assert stack.changes() == []


def test_beside_services_whose_last_updates_went_every_way(stack, lab):
    # auth-api goes back in an update that fails on another; scan-worker went back, scan-api climbs half of the way.
    for phase in (1, 2):
        stack.change(
            rollouts={name: {"phase": phase} for name in ("auth-api", "scan-worker", "my-api", "image-api")}
        )
        stack.up()
    lab.command("behave", "location-sick", "--unready")
    sick = {"phase": 1, "canary": {"tag": "location-sick"}}
    rest = {"my-api": {"phase": 2}, "image-api": {"phase": 2}}
    stack.change(readyTimeoutSeconds=6, rollouts={"location-api": sick, "scan-api": {"phase": 1}, **rest})
    assert "Minimum number of live Pods was not attained" in stack.up(check=False)
    taken_back(stack, "my-api")
    taken_back(stack, "image-api")
    taken_back(stack, "location-api")
    names = lab.items(DEPLOYMENTS).keys()
    assert {"my/my-api-canary", "image/image-api-canary", "location/location-api-canary"} & names == set()
    # What the failed update had left open is the next one's, and an abort of everything ends it all.
    taken_back(stack, "--all")
    assert not [name for name in lab.items(DEPLOYMENTS) if name.endswith("-canary")]
    assert stack.changes() == []

"""Autoscalers that really scale, on what pods use, while a service goes through its phases.

auth-api's stable uses 300m a pod until its autoscaler has made 4 of them; then nothing, since the canary
carries everything. Whether 4 are still there when traffic comes back is what this is about.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import yaml

from tests.conftest import new_stack
from tests.lab.waiting import until
from tests.traffic import HOST, PATHS, Traffic

pytestmark = [pytest.mark.lab, pytest.mark.long]
STABLE, CANARY = "auth-api-dev-latest", "auth-api-0.8.0"
WINDOW_SECONDS = 30
"""The autoscaler's scale-down window in this copy; 180 s in services.yaml."""
ROUNDS_SECONDS = 6
"""Three of the autoscaler's rounds."""
WATCH_SECONDS = WINDOW_SECONDS + ROUNDS_SECONDS
LAG_SECONDS = 8
"""How long figures stay what they were when traffic moves: metrics-server's and the autoscaler's rounds."""
BUSY, IDLE = ("--cpu", "300m"), ("--cpu", "5m")


@pytest.fixture(scope="module")
def stack(lab, tmp_path_factory):
    """The stack dev, with room and leave for 4 pods of auth-api, and a hasty autoscaler."""
    made = new_stack(lab, tmp_path_factory.mktemp("project"), "dev")
    catalog = made.folder / "services.yaml"
    document = yaml.safe_load(catalog.read_text())
    hasty = [{"type": "Percent", "value": 400, "periodSeconds": 5}]
    document["services"]["auth-api"]["autoscaler"]["hpa"]["behavior"] = {
        "scaleUp": {"stabilizationWindowSeconds": 0, "policies": hasty},
        "scaleDown": {"stabilizationWindowSeconds": WINDOW_SECONDS, "policies": hasty},
    }
    catalog.write_text(yaml.safe_dump(document, sort_keys=False))
    groups = yaml.safe_load(made.file.read_text())["config"]["eco2:nodeGroups"]
    made.change(
        nodeGroups=groups | {"auth": {"min": 2, "desired": 2, "max": 3}},
        services={"auth-api": {"autoscaler": {"min": 1, "max": 4}}},
    )
    made.change(rollouts={"auth-api": {"phase": 0, "canary": {"tag": CANARY}}})
    made.up()
    return made


def pods(lab, name="auth-api"):
    """Wanted pods of a Deployment, and those that are ready."""
    found = lab.items("/apis/apps/v1/deployments")[f"auth/{name}"]
    return found["spec"]["replicas"], found["status"].get("readyReplicas", 0)


def autoscaler(lab, name="auth-api"):
    return lab.items("/apis/autoscaling/v2/horizontalpodautoscalers")[f"auth/{name}"]


def utilization(lab, name="auth-api"):
    """What the autoscaler reads, in per cent of the requests; None before it has read anything."""
    metrics = autoscaler(lab, name)["status"].get("currentMetrics") or [{}]
    return metrics[0].get("resource", {}).get("current", {}).get("averageUtilization")


def assert_keeps(lab, count, seconds, name="auth-api"):
    """Asserts that a Deployment has the same number of ready pods all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert pods(lab, name) == (count, count)
        time.sleep(0.3)


def scale_to_four_and_move_everything_to_the_canary(stack, lab):
    lab.command("behave", STABLE, *BUSY)
    until(lambda: pods(lab) == (4, 4))
    stack.climb("auth-api", 5)
    lab.command("behave", STABLE, *IDLE)
    until(lambda: utilization(lab) < 10)


class Least:
    """The smallest number of pods that a Deployment wanted or had ready while the context lasted."""

    def __init__(self, lab, name):
        self.seen, self._end = min(pods(lab, name)), threading.Event()
        self._thread = threading.Thread(target=self._look, args=(lab, name))

    def _look(self, lab, name):
        while not self._end.wait(0.2):
            self.seen = min(self.seen, *pods(lab, name))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()


def by_the_plain_way(stack):
    stack.advance("auth-api", 0)


def by_abort(stack):
    command = [sys.executable, "-m", "eco2", "abort", "auth-api"]
    place = ["--stack", stack.name, "--project", str(stack.folder)]
    done = subprocess.run(
        [*command, *place], env=stack.lab.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_canary_an_idle_stable_shrinks_after_the_window(stack, lab):
    lab.command("behave", STABLE, *BUSY)
    until(lambda: pods(lab) == (4, 4))
    lab.command("behave", STABLE, *IDLE)
    began = time.monotonic()
    until(lambda: pods(lab) == (1, 1), seconds=WINDOW_SECONDS + 15)
    assert time.monotonic() - began > WINDOW_SECONDS - 3


def test_updates_and_refreshes_leave_the_numbers_of_autoscalers_alone(stack, lab):
    lab.command("behave", STABLE, *BUSY)
    until(lambda: pods(lab) == (4, 4))
    stack.climb("auth-api", 4)
    # At 50 % the canary's ceiling is half of stable's; the plan gave it 1.
    lab.command("behave", CANARY, *BUSY)
    until(lambda: pods(lab, "auth-api-canary") == (2, 2))
    assert stack.changes() == []
    assert " unchanged" in stack.up()
    stack.pulumi("refresh", "--yes", "--skip-preview")
    assert stack.changes() == []
    stack.up()
    assert (pods(lab), pods(lab, "auth-api-canary")) == ((4, 4), (2, 2))
    with Least(lab, "auth-api-canary") as least:
        stack.advance("auth-api", 5)
        until(lambda: pods(lab, "auth-api-canary") == (4, 4))
    assert least.seen == 2
    lab.command("behave", "--reset")
    stack.advance("auth-api", 0)


@pytest.mark.parametrize("take_back", [by_the_plain_way, by_abort])
def test_a_rollback_finds_the_stable_pods_that_it_left(stack, lab, take_back):
    scale_to_four_and_move_everything_to_the_canary(stack, lab)
    assert_keeps(lab, 4, WATCH_SECONDS)
    assert utilization(lab) < 10
    with Traffic(lab, HOST, (PATHS["auth-api"],)) as users:
        take_back(stack)
        # Traffic is back, and the figures do not tell yet.
        assert_keeps(lab, 4, LAG_SECONDS)
        lab.command("behave", STABLE, *BUSY)
        assert_keeps(lab, 4, ROUNDS_SECONDS)
    users.assert_none_failed()
    assert users.told["answers"].keys() == {"v1", "v2"}

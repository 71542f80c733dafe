"""Updates that are cut off: the next one ends where it would have ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.conftest import ROOT, new_stack

pytestmark = [pytest.mark.lab, pytest.mark.rare]
BIN = ROOT / ".venv" / "bin"


@pytest.fixture(scope="module")
def stack(lab, tmp_path_factory):
    return new_stack(lab, tmp_path_factory.mktemp("project"), "local")


def objects(lab):
    """Names, and specs without what servers and autoscalers fill in later."""
    names = set()
    for path in (
        "/api/v1/nodes",
        "/apis/apps/v1/deployments",
        "/api/v1/services",
        "/apis/networking.istio.io/v1/virtualservices",
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "/apis/policy/v1/poddisruptionbudgets",
    ):
        names |= {f"{path} {name}" for name in lab.items(path)}
    return names


def kill_update_after(stack, seconds):
    process = subprocess.Popen(
        ["pulumi", "up", "--stack", stack.name, "--yes", "--skip-preview", "--non-interactive"],
        cwd=stack.folder,
        env=stack.lab.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def recover(stack):
    done = subprocess.run(
        [BIN / "eco2", "recover", "--stack", stack.name, "--project", str(stack.folder)],
        env=stack.lab.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for_nodes(lab, count):
    deadline = time.monotonic() + 15
    while len(lab.items("/api/v1/nodes")) != count and time.monotonic() < deadline:
        time.sleep(0.2)


@pytest.mark.long
def test_five_killed_first_updates_end_in_the_same_state(stack, lab):
    seen = []
    for seconds in (2.0, 3.0, 4.0, 5.5, 7.0):
        kill_update_after(stack, seconds)
        recover(stack)
        stack.up()
        assert " unchanged" in stack.up()
        wait_for_nodes(lab, 10)
        seen.append(objects(lab))
        stack.pulumi("destroy", "--yes", "--skip-preview", "--run-program")
        wait_for_nodes(lab, 0)
    assert all(one == seen[0] for one in seen)
    assert len(seen[0]) > 60


def test_recover_leaves_a_stack_in_order_alone(stack):
    assert recover(stack) == ""


def test_an_api_server_that_dies_during_an_update_is_reported_in_words_and_the_next_update_repairs(
    stack, lab
):
    stack.up()
    stack.set("eco2:rollouts.chat-api.phase", "1")
    # The canary takes its time to be ready, and the API server dies meanwhile.
    lab.command("behave", "chat-api-dev-canary", "--start", "5")
    command = [
        "pulumi",
        "up",
        "--yes",
        "--skip-preview",
        "--non-interactive",
        "--color=never",
        f"--stack={stack.name}",
    ]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=stack.folder, env=lab.environment, **output) as update:
        told = ""
        for line in update.stdout:
            told += line
            if "Deployment chat-api-canary creating" in line:
                lab.command("kill", "kube-apiserver")
    assert update.returncode != 0
    assert "configured Kubernetes cluster is unreachable" in told
    assert "Traceback" not in told
    assert "goroutine" not in told
    lab.command("restart", "kube-apiserver")
    recover(stack)
    stack.up()
    assert "chat/chat-api-canary" in lab.items("/apis/apps/v1/deployments")
    assert " unchanged" in stack.up()

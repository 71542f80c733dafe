"""`eco2 abort` as a person runs it at night: broken files, broken terminals, a server that says no."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from kube.connection import TIMEOUT_SECONDS
from tests.api_server import ROUTES, ApiServer

BOTH = [ROUTES.format("auth", name) for name in ("auth-api", "auth-api-mesh")]
TALKATIVE = """#!/bin/sh
case "$*" in
  "stack export "*) cat "{folder}/state.json"; exit 0;;
  "refresh "*) exit 0;;
  "preview "*) echo '{{"steps": []}}'; exit 0;;
  "up "*)
    for line in $(seq 2000); do echo "updating $line, which is one of many lines that it writes" || exit 7; done
    grep -q 'phase: 0' Pulumi.dev.yaml && cp "{folder}/after.json" "{folder}/state.json"
    echo "$*" >> "{folder}/updates"; exit 0;;
esac
exit 9
"""


@pytest.fixture
def server(tmp_path, monkeypatch, desk):
    """auth-api at 20 %, by its routes, its file and its state; an update takes that canary out of the state."""
    desk.left(auth_api=(0, 0, "auth-api-1"))
    (desk.folder / "after.json").write_text(_with_component(desk))
    desk.left(auth_api=(3, 20, "auth-api-1"))
    (desk.folder / "state.json").write_text(_with_component(desk))
    desk.says(auth_api="{phase: 3}")
    program = tmp_path / "bin" / "pulumi"
    program.write_text(TALKATIVE.format(folder=desk.folder))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        running.routes("auth", "auth-api", 20)
        yield running


def _with_component(desk):
    state = json.loads((desk.folder / "state.json").read_text())
    urn = "urn:pulumi:dev::eco2::eco2:service:CanaryService::auth-api"
    state["deployment"]["resources"].append({"type": "eco2:service:CanaryService", "urn": urn, "inputs": {}})
    return json.dumps(state)


COMMAND = [sys.executable, "-m", "eco2", "abort", "auth-api", "--stack", "dev"]


def taken_back(server):
    return server.subsets("auth", "auth-api") == {"stable"}


def in_a_shell(desk, redirection):
    line = f"set -o pipefail; '{sys.executable}' -m eco2 abort auth-api --stack dev {redirection}"
    return subprocess.run(
        ["bash", "-c", line], cwd=desk.folder, check=False, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "redirection",
    [
        "",
        "| true",
        "| head -n 1",
        "> /dev/full",
        "2> /dev/full > /dev/full",
        ">&-",
        "2>&-",
        "<&-",
        "<&- >&- 2>&-",
    ],
)
def test_an_abort_does_not_end_with_its_output(desk, server, redirection):
    done = in_a_shell(desk, redirection)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert taken_back(server)
    assert len(desk.updates) == 1
    assert "phase: 0" in desk.file.read_text()


def test_what_a_reader_sees(desk, server):
    done = in_a_shell(desk, "")
    lines = [line for line in done.stdout.splitlines() if not line.startswith("updating 1")]
    assert lines[0].startswith("auth-api: all traffic to stable after")
    assert lines[1] == "Pulumi.dev.yaml: eco2:rollouts.auth-api.phase is 0"
    assert lines[-1].startswith("done after")


def test_ctrl_c_on_a_server_that_hangs_ends_the_command(desk, server):
    server.hangs = True
    # Tests that run in the background of a shell would hand down that Ctrl-C is ignored.
    command = ["env", "--default-signal=INT", *COMMAND]
    with subprocess.Popen(command, cwd=desk.folder, stderr=subprocess.PIPE, text=True) as running:
        assert server.asked.wait(20)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=20)
        # A command that waits ends with its request's own time; a busy machine takes a few seconds to end any.
        assert time.monotonic() - began < TIMEOUT_SECONDS - 1
    assert running.returncode == 130
    assert "run it again: eco2 abort auth-api --stack dev" in told


@pytest.mark.parametrize(
    ("file", "mistake"),
    [
        ("Pulumi.dev.yaml", "<<<<<<< HEAD\n  eco2:host: a\n=======\n  eco2:host: b\n>>>>>>> other\n"),
        ("Pulumi.dev.yaml", "  eco2:host: a\n  eco2:host: b\n"),
        ("Pulumi.dev.yaml", "  eco2:since: 2026-11-26\n"),
        ("services.yaml", "<<<<<<< HEAD\n"),
        ("services.yaml", "  new-api: {kind: api, domain: new}\n"),
        ("services.yaml", "  auth-api: 3\n  my-api: 2026-11-26\n"),
    ],
)
def test_a_mistake_elsewhere_does_not_keep_a_canary_at_its_traffic(desk, server, file, mistake):
    path = desk.folder / file
    path.write_text(path.read_text().rstrip("\n") + "\n" + mistake)
    done = in_a_shell(desk, "")
    assert taken_back(server), done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert done.returncode == 4
        assert "No canary of auth-api gets traffic any more" in done.stderr
        assert file in done.stderr


def test_without_files_the_command_line_is_enough(desk, server):
    desk.file.write_text("{{{")
    (desk.folder / "services.yaml").unlink()
    assert in_a_shell(desk, "").returncode == 1
    assert not taken_back(server)
    done = in_a_shell(desk, "--context eco2-dev --namespace auth --no-reconcile")
    assert done.returncode == 0, done.stderr
    assert taken_back(server)


def test_all_services_and_one_namespace_are_no_wish(desk, server):
    before = desk.file.read_text()
    refused = desk.run("abort", "--all", "--namespace", "auth")
    assert refused.exit_code == 2
    assert "name its services instead of --all, or leave --namespace out" in refused.stderr
    assert not taken_back(server)
    assert desk.file.read_text() == before
    assert desk.updates == []


def test_a_file_that_asks_for_the_canary_still_is_no_success(desk, server):
    text = desk.file.read_text()
    written = """eco2:rollouts: '{"auth-api": {"phase": 3}}'"""
    desk.file.write_text(text.replace("eco2:rollouts:\n    auth-api: {phase: 3}  # kept", written))
    assert written in desk.file.read_text()
    done = in_a_shell(desk, "")
    assert taken_back(server)
    assert done.returncode == 4
    assert "config.eco2:rollouts: holds text" in done.stderr
    assert "done" not in done.stdout
    assert desk.updates == []


def test_another_namespace_in_the_checkout_is_a_failure(desk, server):
    path = desk.folder / "services.yaml"
    path.write_text(path.read_text().replace("namespace: auth\n", "namespace: auth2\n"))
    done = in_a_shell(desk, "")
    assert done.returncode == 1
    assert "auth-api: no route was found, looked for VirtualService auth2/auth-api" in done.stderr
    assert "gets traffic any more" not in done.stderr + done.stdout
    assert desk.updates == []


def test_a_webhook_that_fails_closed_is_named_with_a_way_on(desk, server):
    message = 'Internal error occurred: failed calling webhook "validation.istio.io": connection refused'
    server.refusals = dict.fromkeys(BOTH, message)
    done = in_a_shell(desk, "")
    assert done.returncode == 1
    assert "validation.istio.io" in done.stderr
    assert "rollout restart deployment/istiod" in done.stderr
    assert not taken_back(server)


def test_one_route_that_is_refused_is_a_failure_though_the_other_moved(desk, server):
    server.refusals = {BOTH[1]: "no"}
    done = in_a_shell(desk, "")
    assert done.returncode == 1
    assert f"refused {BOTH[1]}: no" in done.stderr
    assert {one["destination"]["subset"] for one in server.objects[BOTH[0]]["spec"]["http"][0]["route"]} == {
        "stable"
    }


def test_a_canary_that_the_state_does_not_know_is_no_success(desk, server):
    server.routes("auth", "auth-api", 0)
    (desk.folder / "state.json").write_text((desk.folder / "after.json").read_text())
    path = "/apis/apps/v1/namespaces/auth/deployments/auth-api-canary"
    server.objects[path] = {"metadata": {"name": "auth-api-canary"}}
    done = in_a_shell(desk, "")
    assert done.returncode == 4
    assert (
        "Deployment auth/auth-api-canary runs in the cluster, and the state of dev knows no canary"
        in done.stderr
    )
    del server.objects[path]
    assert in_a_shell(desk, "").returncode == 0

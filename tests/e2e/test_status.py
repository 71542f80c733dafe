"""Looking at rollouts: on a terminal while traffic moves and servers go, into a pipe, and beside each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from eco2.stack.missing import known
from kube.kinds import OF_A_SERVICE, path
from tests.terminal import ESCAPE, Terminal, heed_ctrl_c
from tests.traffic import HOST, PATHS, Traffic

pytestmark = [pytest.mark.lab, pytest.mark.long]
AUTH = PATHS["auth-api"]


def command(stack, *arguments):
    return [sys.executable, "-m", "eco2", *arguments, "--stack", stack.name, "--project", str(stack.folder)]


def eco2(stack, *arguments):
    return subprocess.run(
        command(stack, *arguments), env=stack.lab.environment, capture_output=True, text=True, check=False
    )


def mend(stack, words):
    """Runs the command that a status prints, as it stands there."""
    printed = next(line.removeprefix("  → ") for line in words.splitlines() if "--refresh" in line)
    done = subprocess.run(
        ["bash", "-c", f"{printed} --yes --skip-preview --suppress-outputs"],
        cwd=stack.folder,
        env=stack.lab.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_all_agree_in_the_table_and_a_hand_on_the_routes_is_shown(stack, lab):
    stack.jump(2, "auth-api")
    told = {one["service"]: one for one in json.loads(eco2(stack, "status", "--json").stdout)}
    assert len(told) == 13
    assert all(not one["differences"] and not one["alarms"] for one in told.values())
    assert (told["auth-api"]["phase"], told["auth-api"]["weight"]) == ("2 5%", 5)
    stack.set("eco2:rollouts.auth-api.phase", "3")
    route = "/apis/networking.istio.io/v1/namespaces/auth/virtualservices/auth-api"
    rules = lab.api.request("GET", route)["spec"]["http"]
    weighted = next(index for index, rule in enumerate(rules) if len(rule.get("route", ())) == 2)
    rules[weighted]["route"][0]["weight"], rules[weighted]["route"][1]["weight"] = 70, 30
    lab.api.request("PATCH", route, {"spec": {"http": rules}}, content_type="application/merge-patch+json")
    words = eco2(stack, "status").stdout
    assert "2 5% → 3 20%" in words
    assert "! auth-api: config: phase is 3 20%; applied: 2 5%" in words
    assert "! auth-api: cluster: routes send 5 %, 30 % to the canary; applied: 5 %" in words
    mend(stack, words)
    after = {one["service"]: one for one in json.loads(eco2(stack, "status", "--json").stdout)}
    assert after["auth-api"]["differences"] == []
    assert after["auth-api"]["weight"] == 20


def test_what_somebody_deletes_is_missed_and_the_printed_command_brings_it_back(stack, lab):
    exported = json.loads(stack.pulumi("stack", "export").stdout)
    objects = known(exported["deployment"]["resources"])
    lost = {}
    for one in objects:
        if one.kind != "Deployment" and one.name != "auth-api":
            lost.setdefault(one.kind, one)
    assert lost.keys() == set(OF_A_SERVICE) - {"Deployment"}
    rule = next(one for one in objects if one.kind == "DestinationRule" and one.name == "auth-api")
    for one in (*lost.values(), rule):
        lab.api.request("DELETE", path(one.kind, one.namespace, one.name))
    bare, space = {"metadata": {"labels": {"istio-injection": None}}}, "/api/v1/namespaces/my"
    lab.api.request("PATCH", space, bare, content_type="application/merge-patch+json")
    told = json.loads(eco2(stack, "status", "--json").stdout)
    differences = {difference for one in told for difference in one["differences"]}
    assert {f"cluster: no {one.kind} {one.name}" for one in (*lost.values(), rule)} <= differences
    alarms = {alarm for one in told for alarm in one["alarms"]}
    assert f"no Service {lost['Service'].name}: all requests fail" in alarms
    assert "no DestinationRule auth-api: all requests fail" in alarms
    words = eco2(stack, "status").stdout
    assert "! namespace my is not as applied: without the label istio-injection" in words
    mend(stack, words)
    assert lab.api.request("GET", space)["metadata"]["labels"]["istio-injection"] == "enabled"
    after = json.loads(eco2(stack, "status", "--json").stdout)
    assert not [(one["service"], one["differences"]) for one in after if one["differences"] or one["alarms"]]


def test_a_definition_that_is_gone_is_named_with_what_went_with_it(stack, lab):
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    kept = lab.api.request("GET", f"{path}/scaledobjects.keda.sh")
    lab.api.request("DELETE", f"{path}/scaledobjects.keda.sh")
    deadline = time.monotonic() + 30
    while (done := eco2(stack, "status")).returncode != 1:
        assert time.monotonic() < deadline, done.stdout
    words = " ".join(done.stdout.split())
    assert "serves no scaledobjects of keda.sh" in words
    assert "! scan-worker: cluster: no ScaledObject scan-worker" in words
    kept["metadata"] = {key: kept["metadata"][key] for key in ("name", "labels") if key in kept["metadata"]}
    lab.api.request("POST", path, {key: kept[key] for key in ("apiVersion", "kind", "metadata", "spec")})
    while (done := eco2(stack, "status")).returncode:
        assert time.monotonic() < deadline, done.stdout
    mend(stack, done.stdout)
    assert "no ScaledObject" not in eco2(stack, "status").stdout


def test_a_pod_that_fits_nowhere_is_told_in_the_schedulers_words(stack, lab):
    deployment = "/apis/apps/v1/namespaces/my/deployments/my-api"
    before = lab.api.request("GET", deployment)["spec"]["template"]["spec"]["containers"]
    big = [{**before[0], "resources": {"requests": {"cpu": "40"}, "limits": {"cpu": "40"}}}]

    def runs(containers):
        body = {"spec": {"template": {"spec": {"containers": containers}}}}
        lab.api.request("PATCH", deployment, body, content_type="application/merge-patch+json")

    runs(big)
    deadline = time.monotonic() + 30
    # The scheduler's words come with its event, a moment after the pod's state.
    told = re.compile(r"unschedulable my-api-\S+: 0/\d+ nodes are available:.*Insufficient cpu")
    while not told.search(words := " ".join(eco2(stack, "status", "my-api").stdout.split())):
        assert time.monotonic() < deadline, words
    assert words.count("Insufficient cpu") == 1
    runs(before)


@pytest.mark.long
def test_live_through_an_advance_a_lost_server_a_resize_and_ctrl_c(stack, lab):
    with Traffic(lab, HOST, (AUTH,), rate=100):
        terminal = Terminal(command(stack, "status", "auth-api", "-w"), lab.environment)
        before = terminal.attributes()
        terminal.until(r"phase 3 20%")
        # The weight in the cluster and what is measured follow the advance.
        terminal.until(r"measured: (1[4-9]|2[0-6])\.\d % of \d{3,} requests", 90)
        stack.set("eco2:rollouts.auth-api.phase", "4")
        terminal.until(r"phase 3 20%, config 4 50%", 30)
        stack.up()
        terminal.until(r"config 50 %, applied 50 %, cluster 50 %", 30)
        terminal.until(r"measured: (4[3-9]|5[0-7])\.\d %", 90)
        # A server that goes is told with the time since when, and its return is seen without help.
        lab.command("kill", "kube-apiserver")
        picture = terminal.until(r"does not answer.*\(since \d\d:\d\d:\d\d, \d+s\); trying again", 30)
        assert "phase 4 50%" in picture
        lab.command("restart", "kube-apiserver")
        deadline = time.monotonic() + 60
        while "does not answer" in terminal.until(r"Ctrl-C ends", 10)[-4000:]:
            assert time.monotonic() < deadline
        # A window that shrinks is drawn anew at once, and nothing is wider than it.
        terminal.resize(80, 24)
        terminal.read(0.5)
        start = len(terminal.seen)
        terminal.read(2.5)
        drawn = terminal.seen[start:].replace(b"\x1b[H", b"\n")
        lines = ESCAPE.sub(b"", drawn).decode("utf-8", "replace").splitlines()
        assert max(map(len, lines)) <= 80
        assert terminal.interrupt() == 130
    terminal.assert_clean()
    assert terminal.attributes() == before


def test_into_a_pipe_a_picture_for_each_change_without_codes(stack):
    watching = subprocess.Popen(
        command(stack, "status", "auth-api", "chat-api", "-w"),
        env=stack.lab.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509  # one call of the system
    )
    time.sleep(8)
    stack.advance("chat-api", 1)
    time.sleep(8)
    watching.send_signal(signal.SIGINT)
    out, _ = watching.communicate(timeout=10)
    assert watching.returncode == 130
    assert b"\x1b" not in out
    pictures = out.decode().split("--- ")[1:]
    assert "chat-api  phase 0 off" in pictures[0]
    assert "chat-api  phase 1 header" in pictures[-1]
    # Not one a second: neighbours differ in more than the time of day.
    assert len(pictures) < 16
    bodies = [re.sub(r"\b\d+[smh]\b|\d\d:\d\d:\d\d", "", picture) for picture in pictures]
    bodies = [re.sub(r"measured:.*|, \d+ times", "", body) for body in bodies]
    assert all(one != other for one, other in pairwise(bodies))


def test_mistakes_are_named(stack):
    unknown = eco2(stack, "status", "auth")
    assert unknown.returncode == 1
    assert "did you mean" in unknown.stderr
    assert "is no URL of a Prometheus" in eco2(stack, "status", "auth-api", "--prometheus", "here").stderr


def test_a_status_costs_a_second_of_work_at_most(stack, lab):
    """Time on the clock depends on what else the machine does; it is printed beside kubectl's."""
    ours, theirs, work = [], [], []
    for _ in range(5):
        before, began = os.times(), time.perf_counter()
        assert eco2(stack, "status").returncode == 0
        ours.append(time.perf_counter() - began)
        after = os.times()
        work.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
        if shutil.which("kubectl"):
            asked = ["kubectl", "--context", "eco2-dev", "get", "deployments", "-A"]
            began = time.perf_counter()
            subprocess.run(asked, env=lab.environment, check=True, capture_output=True)
            theirs.append(time.perf_counter() - began)
    told = {"status": ours, "kubectl": theirs, "work": work}
    sys.stdout.write(
        f"seconds: { {name: [round(one, 2) for one in series] for name, series in told.items()} }\n"
    )
    # With the work of Pulumi's CLI, which runs beside the imports.
    assert min(work) < 1.5

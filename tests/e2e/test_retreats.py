"""The way back from 50 % while something else is wrong, by `eco2 abort` and by phase 0 and `pulumi up`.

On an idle machine the canary's last answer comes within 1 s of an abort and within 10 s of an update,
and an abort has reconciled all within 10 s. Tests must also pass on a busy one, so they allow more and
print what they measured.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from lab.ports import free_ports
from tests.traffic import HOST, PATHS, Traffic, send
from tests.updates import Update, replicas, until, weight

pytestmark = [pytest.mark.lab, pytest.mark.long]
CHAT, NAME, CANARY = PATHS["chat-api"], "chat/chat-api", "chat/chat-api-canary"
PODS = 4
LAST_ANSWER_SECONDS = {"abort": 10, "up": 40}
WHOLE_SECONDS = 90
WAYS = ("abort", "up")
SICK = (
    "auth-api",
    "character-api",
    "image-api",
    "location-api",
    "my-api",
    "scan-api",
    "sse-gateway",
    "ext-authz",
)
"""One more than the engine runs at a time on two cores (four a core): they could fill all places."""


@pytest.fixture
def at_50(stack, lab):
    """chat-api at phase 4 with half as many canary pods as stable ones; whatever a test leaves is mended."""
    stack.set("eco2:services.chat-api.replicas", str(PODS))
    stack.change(rollouts={"chat-api": {"phase": 4}}, readyTimeoutSeconds=60)
    stack.change(overrule={"chat-api": "each test begins at phase 4"})
    stack.up()
    assert replicas(lab, CANARY) == (PODS // 2, PODS // 2)
    yield
    lab.command("behave", "--reset")
    stack.change(rollouts={}, readyTimeoutSeconds=60)
    stack.up()


def take_back(stack, what, way, *, fails=False, **variables):
    """Takes chat-api back under load; what the update wrote.

    Asserts that no request failed and that the canary's last answer came in time.
    """
    with Traffic(stack.lab, HOST, (CHAT,)) as users:
        if way == "abort":
            began = time.time()
            done = stack.eco2("abort", "chat-api", **variables)
            code, told = done.returncode, done.stdout + done.stderr
        else:
            stack.set("eco2:rollouts.chat-api.phase", "0")
            with Update(stack, **variables) as update:
                began = update.began
                code, told = update.end(), update.told
        whole = time.time() - began
    last = users.told["last"]["v2"] - began
    print(
        f"{what}, {way}: the canary's last answer after {last:.2f} s, all done after {whole:.1f} s; "
        f"{users.told['sent']} requests, {users.told['failed']} failed"
    )
    users.assert_none_failed()
    assert bool(code) == fails, told
    assert "Traceback" not in told
    assert last < LAST_ANSWER_SECONDS[way]
    assert whole < WHOLE_SECONDS
    assert weight(stack.lab, NAME) == 0
    assert send(stack.lab, HOST, CHAT, 200, "--header")["answers"] == {"v1": 200}
    return told


def assert_gone(stack):
    assert "chat/chat-api-canary" not in stack.lab.items("/apis/apps/v1/deployments")
    assert stack.outputs()["rollouts"]["chat-api"]["phase"] == 0
    # An abort leaves other services alone, also where the config wants something else of them.
    assert [change for change in stack.changes() if "chat-api" in change] == []


@pytest.mark.usefixtures("at_50")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_else_is_wrong(stack, way):
    take_back(stack, "nothing else is wrong", way)
    assert_gone(stack)


@pytest.mark.usefixtures("at_50")
def test_neighbours_that_cannot_become_ready_in_the_same_update(stack, lab):
    stack.change(readyTimeoutSeconds=8)
    lab.command("behave", "sick", "--unready")
    sick = {name: {"phase": 1, "canary": {"tag": f"{name}-sick"}} for name in SICK}
    stack.change(rollouts={"chat-api": {"phase": 4}, **sick})
    told = take_back(stack, "eight sick neighbours", "up", fails=True)
    # Theirs is the failure that is told, and the canary's pods wait for an update that succeeds.
    assert "Minimum number of live Pods was not attained" in told
    assert replicas(lab, CANARY)[0] == PODS // 2
    lab.command("behave", "--reset")
    stack.change(rollouts={})
    stack.up()
    assert_gone(stack)


@pytest.mark.usefixtures("at_50")
def test_a_neighbour_that_the_api_refuses_at_once(stack, lab):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full", "namespace": "location"},
        "spec": {"hard": {"count/deployments.apps": "1"}},
    }
    path = "/api/v1/namespaces/location/resourcequotas"
    lab.api.request("POST", path, quota)
    try:
        until(lambda: lab.items(path)["location/full"].get("status", {}).get("used"), "the quota's count")
        stack.set("eco2:rollouts.location-api.phase", "1")
        assert "exceeded quota" in take_back(stack, "a neighbour is refused", "up", fails=True)
    finally:
        lab.api.request("DELETE", f"{path}/full")
    stack.change(rollouts={})
    stack.up()
    assert_gone(stack)


@pytest.mark.usefixtures("at_50")
def test_a_node_group_that_is_refused_at_once(stack, lab):
    before = stack.file.read_text()
    stack.set("eco2:nodeGroups.location.instanceTypes[0]", "t9.none")
    assert [change for change in stack.changes() if "NodeGroup location" in change]
    assert "NodeGroup location" in take_back(stack, "a node group is refused", "up", fails=True)
    # The file that mends it takes the canary away, too.
    stack.file.write_text(before)
    stack.change(rollouts={})
    stack.up()
    assert_gone(stack)


@pytest.mark.usefixtures("at_50")
@pytest.mark.parametrize("way", WAYS)
def test_aws_does_not_answer(stack, way):
    nobody = "http://127.0.0.1:1"
    take_back(stack, "AWS does not answer", way, fails=way == "up", AWS_ENDPOINT_URL=nobody)
    if way == "up":
        # The rest waits for AWS.
        stack.up()
    assert_gone(stack)


def by_hand(lab, percent):
    """Somebody sets the weight of chat-api's public route, with a client that the plugin does not know."""
    path = "/apis/networking.istio.io/v1/namespaces/chat/virtualservices/chat-api"
    rules = lab.api.request("GET", path)["spec"]["http"]
    for rule in rules:
        if len(rule.get("route", ())) == 2:
            rule["route"][0]["weight"], rule["route"][1]["weight"] = 100 - percent, percent
    query = {"fieldManager": "on-call"}
    merge = "application/merge-patch+json"
    lab.api.request("PATCH", path, {"spec": {"http": rules}}, query, merge)
    assert weight(lab, NAME) == percent


@pytest.mark.usefixtures("at_50")
@pytest.mark.parametrize("way", WAYS)
def test_a_hand_on_one_of_the_routes(stack, lab, way):
    by_hand(lab, 70)
    take_back(stack, "a hand on one of the routes", way)
    assert weight(lab, f"{NAME}-mesh") == 0
    assert_gone(stack)


@pytest.mark.usefixtures("at_50")
def test_a_step_up_after_a_hand_moves_both_routes(stack, lab):
    by_hand(lab, 30)
    stack.change(rollouts={"chat-api": {"phase": 5}})
    stack.up()
    assert (weight(lab, NAME), weight(lab, f"{NAME}-mesh")) == (100, 100)


@pytest.mark.usefixtures("at_50")
@pytest.mark.parametrize("way", WAYS)
def test_an_update_timed_out_on_its_own_canary(stack, lab, way):
    # At 100 % the canary is twice as large, and its new pods never become ready.
    stack.change(readyTimeoutSeconds=6, rollouts={"chat-api": {"phase": 5}})
    lab.command("behave", "chat-api-dev-canary", "--unready", "--only-new")
    assert "Minimum number of live Pods was not attained" in stack.up(check=False)
    assert weight(lab, NAME) == 50
    stack.change(readyTimeoutSeconds=300)
    take_back(stack, "an update timed out on its own canary", way)
    if way == "abort":
        # Stable had taken the shorter time, too; an abort leaves it to the next update to give that back.
        assert [change for change in stack.changes() if "chat-api" in change] == [
            "update Deployment chat-api"
        ]
        stack.up()
    assert_gone(stack)


@pytest.mark.usefixtures("at_50")
def test_one_phase_back_after_an_update_that_failed_behind_its_routes(stack, lab):
    lab.command("behave", "location-api-sick", "--unready")
    sick = {"phase": 1, "canary": {"tag": "location-api-sick"}}
    stack.change(readyTimeoutSeconds=15, rollouts={"chat-api": {"phase": 5}, "location-api": sick})
    assert "Minimum number of live Pods was not attained" in stack.up(check=False)
    # The outputs are those of the update before; the routes are ahead of them.
    assert stack.outputs()["rollouts"]["chat-api"]["weight"] == 50
    assert weight(lab, NAME) == 100
    lab.command("behave", "chat-api-dev-canary", "--unready")
    until(lambda: replicas(lab, CANARY)[1] == 0, "a canary without a ready pod")
    # Waiting for such a canary before its routes move would take longer than this test allows.
    stack.change(readyTimeoutSeconds=90, rollouts={"chat-api": {"phase": 4}})
    with Update(stack) as update:
        until(lambda: weight(lab, NAME) == 50, "half of the requests back", LAST_ANSWER_SECONDS["up"])
        print(f"one phase back from a sick canary: routes after {time.time() - update.began:.2f} s")
        lab.command("behave", "--reset")
        assert update.end() == 0, update.told
    assert weight(lab, NAME) == 50


@pytest.mark.usefixtures("at_50")
@pytest.mark.parametrize("way", WAYS)
def test_a_pod_of_stable_is_missing(stack, lab, way):
    lab.command("behave", "chat-api-dev-latest", "--unready", "--only-new")
    pods = lab.items("/api/v1/namespaces/chat/pods")
    stable = next(name for name, pod in pods.items() if pod["metadata"]["labels"]["version"] == "v1")
    lab.api.request("DELETE", f"/api/v1/namespaces/chat/pods/{stable.removeprefix('chat/')}")
    until(lambda: replicas(lab, NAME) == (PODS, PODS - 1), "a pod fewer")
    take_back(stack, "a pod of stable is missing", way)
    assert replicas(lab, NAME) == (PODS, PODS - 1)
    assert_gone(stack)


@contextmanager
def slow_api(lab, folder, delay_seconds):
    """A kubeconfig whose API server is that much farther away; yields its path."""
    port = free_ports("slow")["slow"]
    text = (lab.home / lab.name / "kubeconfig").read_text()
    server = lab.api._to.server
    kubeconfig = folder / "slow.kubeconfig"
    kubeconfig.write_text(text.replace(server, f"https://127.0.0.1:{port}"))
    way = f"tcp:127.0.0.1:{port}=tcp:{server.removeprefix('https://')}"
    relay = subprocess.Popen([sys.executable, "-m", "lab.mesh.relay", "--delay", str(delay_seconds), way])
    try:
        until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), "the relay")
        yield str(kubeconfig)
    finally:
        relay.terminate()
        relay.wait()


@pytest.mark.usefixtures("at_50")
@pytest.mark.parametrize("way", WAYS)
def test_every_answer_of_the_api_takes_300_ms(stack, lab, way, tmp_path):
    with slow_api(lab, tmp_path, 0.3) as kubeconfig:
        take_back(stack, "API calls take 300 ms", way, KUBECONFIG=kubeconfig)
    assert_gone(stack)

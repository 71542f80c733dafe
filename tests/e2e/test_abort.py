"""Taking a service back by one command, whatever else is sick."""

from __future__ import annotations

import time

import pytest
import yaml

from tests.traffic import HOST, PATHS, Traffic, send

pytestmark = pytest.mark.lab
AUTH = PATHS["auth-api"]
ROUTES_SECONDS = 10.0
"""What a busy machine may take for the first stroke, which takes below a second on an idle one."""


def test_an_abort_moves_traffic_at_once_and_leaves_config_cluster_and_state_in_agreement(stack, lab):
    stack.jump(4, "auth-api")
    # A change of another service that is written and not yet applied stays what it is.
    stack.set("eco2:rollouts.my-api.phase", "1")
    before = stack.file.read_text()
    with Traffic(lab, HOST, (AUTH,)) as users:
        began = time.time()
        done = stack.eco2("abort", "auth-api")
        assert done.returncode == 0, done.stdout + done.stderr
    users.assert_none_failed()
    assert users.told["last"]["v2"] - began < ROUTES_SECONDS
    assert stack.file.read_text() == before.replace("phase: 4", "phase: 0")
    assert "auth/auth-api-canary" not in lab.items("/apis/apps/v1/deployments")
    assert "my/my-api-canary" not in lab.items("/apis/apps/v1/deployments")
    assert stack.outputs()["rollouts"]["auth-api"]["phase"] == 0
    assert stack.outputs()["rollouts"]["my-api"]["phase"] == 0
    assert "create Deployment my-api-canary" in stack.changes()
    stack.set("eco2:rollouts.my-api.phase", "0")
    assert stack.changes() == []


def test_an_abort_brings_nothing_that_nobody_approved(stack, lab):
    stack.jump(2, "image-api")
    before = stack.file.read_text()
    services = yaml.safe_load(before)["config"]["eco2:services"]
    changed = {**services.get("image-api", {}), "env": {"LOG_LEVEL": "DEBUG"}}
    stack.change(services={**services, "image-api": changed})
    name, path = "image/image-api", "/apis/apps/v1/deployments"
    generation = lab.items(path)[name]["metadata"]["generation"]
    done = stack.eco2("abort", "image-api")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.items(path)[name]["metadata"]["generation"] == generation
    assert f"{name}-canary" not in lab.items(path)
    told = "not brought by this abort, and asked for by the checkout: update Deployment image-api"
    assert done.stdout.splitlines()[-1] == told
    assert stack.changes() == ["update Deployment image-api"]
    stack.file.write_text(before)
    stack.set("eco2:rollouts.image-api.phase", "0")
    assert stack.changes() == []


def test_an_abort_asks_aws_nothing(stack, lab):
    stack.jump(2, "scan-worker")
    assert "scan/scan-worker-canary" in lab.items("/apis/apps/v1/deployments")
    done = stack.eco2("abort", "scan-worker", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scan/scan-worker-canary" not in lab.items("/apis/apps/v1/deployments")
    assert stack.changes() == []


def test_an_abort_with_nothing_in_flight_changes_nothing(stack, lab):
    before = lab.versions("/apis/networking.istio.io/v1/virtualservices")
    done = stack.eco2("abort", "--all")
    assert done.returncode == 0, done.stderr
    assert "nothing else is in flight" in done.stdout
    assert lab.versions("/apis/networking.istio.io/v1/virtualservices") == before


def test_the_first_stroke_alone_and_the_second_later(stack, lab):
    stack.jump(2, "chat-api")
    assert stack.eco2("abort", "chat-api", "--no-reconcile").returncode == 0
    assert stack.outputs()["rollouts"]["chat-api"]["phase"] == 2
    deadline = time.monotonic() + 5
    while send(lab, HOST, PATHS["chat-api"], 50, "--header")["answers"] != {"v1": 50}:
        assert time.monotonic() < deadline
    assert yaml.safe_load(stack.file.read_text())["config"]["eco2:rollouts"]["chat-api"]["phase"] == 2
    assert stack.eco2("abort", "chat-api").returncode == 0
    assert stack.changes() == []


def test_the_first_stroke_takes_the_pods_of_workers_and_leaves_no_conflict(stack, lab):
    # Stable has an autoscaler in one, and none in the other.
    workers = {"scan-worker": "scan/scan-worker-canary", "auth-relay": "auth/auth-relay-canary"}

    def sizes():
        found = lab.items("/apis/apps/v1/deployments")
        return [found[name]["spec"]["replicas"] if name in found else None for name in workers.values()]

    for name in workers:
        stack.jump(2, name)
    before = sizes()
    assert all(before)
    scalers = "/apis/keda.sh/v1alpha1/namespaces/scan/scaledobjects"
    scaler = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "scan-worker-canary", "namespace": "scan"},
        "spec": {
            "scaleTargetRef": {"name": "scan-worker-canary"},
            "triggers": [{"type": "cron", "metadata": {"desiredReplicas": "1"}}],
        },
    }
    lab.api.request("POST", scalers, scaler)
    done = stack.eco2("abort", *workers, "--no-reconcile")
    assert done.returncode == 0, done.stderr
    for name in workers:
        assert f"{name}-canary: scaled to 0; its pods finish their message" in done.stdout
    assert sizes() == [0, 0]
    held = lab.api.request("GET", f"{scalers}/scan-worker-canary")
    assert held["metadata"]["annotations"] == {"autoscaling.keda.sh/paused-replicas": "0"}
    assert held["spec"]["triggers"] == scaler["spec"]["triggers"]
    lab.api.request("DELETE", f"{scalers}/scan-worker-canary")
    # Somebody keeps the canaries all the same: the number is the program's again.
    stack.pulumi("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    assert sizes() == before
    assert stack.eco2("abort", *workers, "--no-reconcile").returncode == 0
    done = stack.eco2("abort", *workers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sizes() == [None, None]
    assert stack.changes() == []


@pytest.mark.rare
def test_a_sick_neighbour_does_not_hold_an_abort_up(stack, lab):
    stack.jump(3, "image-api")
    stack.change(readyTimeoutSeconds=4)
    lab.command("behave", "location-sick", "--unready")
    stack.set("eco2:rollouts.location-api.canary.tag", "location-sick")
    stack.set("eco2:rollouts.location-api.phase", "1")
    assert "error" in stack.up(check=False)
    with Traffic(lab, HOST, (PATHS["image-api"],)) as users:
        began = time.time()
        done = stack.eco2("abort", "image-api")
        took = time.time() - began
    assert done.returncode == 0, done.stdout + done.stderr
    users.assert_none_failed()
    assert users.told["last"]["v2"] - began < ROUTES_SECONDS
    assert took < 60
    # The sick one itself, whose canary never became ready, goes as fast.
    began = time.time()
    assert stack.eco2("abort", "location-api").returncode == 0
    assert time.time() - began < 60
    assert stack.changes() == []
    lab.command("behave", "--reset")


def test_mistakes_are_named(stack):
    unknown = stack.eco2("abort", "auth")
    assert unknown.returncode == 2
    assert "did you mean" in unknown.stderr
    assert stack.eco2("abort").returncode == 2


@pytest.mark.long
def test_an_abort_after_another_one_and_beside_a_rollback_that_is_not_yet_applied(stack, lab):
    """The engine takes over what an abort leaves alone in the order of the state, whatever order it has by now."""
    moving = ("auth-api", "character-api", "scan-api")
    stack.set("eco2:rollouts.my-api.phase", "1")
    for phase in (1, 2):
        for name in moving:
            stack.set(f"eco2:rollouts.{name}.phase", str(phase))
        stack.up()
    first = stack.eco2("abort", "auth-api")
    assert first.returncode == 0, first.stdout + first.stderr
    stack.set("eco2:rollouts.scan-api.phase", "0")
    second = stack.eco2("abort", "character-api")
    assert second.returncode == 0, second.stdout + second.stderr
    deployments = lab.items("/apis/apps/v1/deployments").keys()
    assert {"auth/auth-api-canary", "character/character-api-canary"} & deployments == set()
    assert "scan/scan-api-canary" in deployments
    assert {name: stack.outputs()["rollouts"][name]["phase"] for name in moving} == {
        "auth-api": 0,
        "character-api": 0,
        "scan-api": 2,
    }
    # Whoever goes back in a whole update comes first, and in the state all others stand behind it.
    stack.up()
    third = stack.eco2("abort", "my-api")
    assert third.returncode == 0, third.stdout + third.stderr
    assert stack.changes() == []

"""One service through its phases, by config and `pulumi up` alone."""

from __future__ import annotations

import re
import subprocess
import time

import pytest
import yaml

pytestmark = pytest.mark.lab
ROUTES = ["update VirtualService auth-api", "update VirtualService auth-api-mesh"]
WRITTEN = (
    "/apis/apps/v1/deployments",
    "/api/v1/services",
    "/apis/networking.istio.io/v1/virtualservices",
    "/apis/networking.istio.io/v1/destinationrules",
)
STABLE_SCALING = "update HorizontalPodAutoscaler auth-api"


def weights(lab, name="auth/auth-api"):
    rules = lab.items("/apis/networking.istio.io/v1/virtualservices")[name]["spec"]["http"]
    return {route["destination"]["subset"]: route.get("weight", 100) for route in rules[-1]["route"]}


def test_a_rollout_from_off_to_promotion(stack, lab):
    # 0 to 1: the canary comes, and the header reaches it.
    stack.set("eco2:rollouts.auth-api.phase", "1")
    stack.set("eco2:rollouts.auth-api.canary.tag", "auth-api-0.8.0")
    assert stack.changes() == ["create Deployment auth-api-canary", *ROUTES]
    stack.up()
    assert weights(lab) == {"stable": 100}

    # 1 to 2: the weight, and with it the canary's scale and the floor under stable's.
    stack.set("eco2:rollouts.auth-api.phase", "2")
    assert stack.changes() == [
        "create HorizontalPodAutoscaler auth-api-canary",
        "create PodDisruptionBudget auth-api-canary",
        STABLE_SCALING,
        *ROUTES,
    ]
    stack.up()
    assert weights(lab) == {"stable": 95, "canary-or-stable": 5}
    hpa = lab.items("/apis/autoscaling/v2/horizontalpodautoscalers")["auth/auth-api"]
    assert hpa["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"

    for phase, share in ((3, 20), (4, 50)):
        stack.set("eco2:rollouts.auth-api.phase", str(phase))
        assert [change for change in stack.changes() if "VirtualService" in change] == ROUTES
        stack.up()
        assert weights(lab) == {"stable": 100 - share, "canary-or-stable": share}

    stack.set("eco2:rollouts.auth-api.phase", "5")
    stack.up()
    assert weights(lab) == {"canary-or-stable": 100}

    # Promotion: stable takes the canary's image before routes leave the canary.
    stack.set("eco2:services.auth-api.image.tag", "auth-api-0.8.0")
    stack.set("eco2:rollouts.auth-api.phase", "0")
    assert "update Deployment auth-api" in stack.changes()
    log = stack.up()
    assert log.index("Deployment auth-api updated") < log.index("VirtualService auth-api updating")
    assert log.index("VirtualService auth-api updated") < log.index("Deployment auth-api-canary deleting")
    assert weights(lab) == {"stable": 100}
    deployments = lab.items("/apis/apps/v1/deployments")
    assert "auth/auth-api-canary" not in deployments
    container = deployments["auth/auth-api"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].endswith(":auth-api-0.8.0")
    assert " unchanged" in stack.up()


def test_back_to_off_moves_routes_first_and_removes_the_canary(stack, lab):
    stack.jump(3, "chat-api")
    stack.set("eco2:rollouts.chat-api.phase", "0")
    assert stack.changes() == [
        "delete Deployment chat-api-canary",
        "delete PodDisruptionBudget chat-api-canary",
        "update VirtualService chat-api",
        "update VirtualService chat-api-mesh",
    ]
    log = stack.up()
    assert log.index("VirtualService chat-api updated") < log.index("Deployment chat-api-canary deleting")
    assert "chat/chat-api-canary" not in lab.items("/apis/apps/v1/deployments")


def test_a_canary_that_never_gets_ready_keeps_its_route_closed_and_does_not_hold_up_the_way_back(stack, lab):
    nodes = lab.items("/api/v1/nodes").values()
    node = next(one for one in nodes if one["metadata"]["labels"]["domain"] == "image")["metadata"]["name"]
    create_pod(lab, "ballast", cpu="1800m", nodeName=node)
    stack.change(readyTimeoutSeconds=4)
    stack.set("eco2:rollouts.image-api.phase", "1")
    failed = stack.up(check=False)
    assert "Minimum number of live Pods was not attained" in failed
    # Pulumi's plugin names no reason.
    told = " ".join(stack.eco2("status", "image-api").stdout.split())
    assert "nodes are available" in told
    assert "Insufficient cpu" in told
    assert weights(lab, "image/image-api") == {"stable": 100}
    assert not any("headers" in str(rule) for rule in _rules(lab, "image/image-api"))
    stack.set("eco2:rollouts.image-api.phase", "0")
    assert "error" not in stack.up()
    assert "image/image-api-canary" not in lab.items("/apis/apps/v1/deployments")
    lab.api.request("DELETE", "/api/v1/namespaces/default/pods/ballast")
    stack.change(readyTimeoutSeconds=60)


def test_a_mistake_is_refused_before_anything_changes(stack, lab):
    before = lab.versions("/apis/apps/v1/deployments")
    stack.set("eco2:rollouts.my-api.phase", "9")
    stack.set("eco2:rollouts.nonsense.phase", "1")
    refused = stack.pulumi("up", "--yes", "--skip-preview", check=False)
    assert refused.returncode != 0
    assert "Pulumi.dev.yaml: eco2:rollouts.my-api" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert lab.versions("/apis/apps/v1/deployments") == before
    stack.change(rollouts={})


def test_a_step_that_skips_a_phase_is_refused_and_the_printed_command_works(stack, lab):
    stack.set("eco2:rollouts.scan-api.phase", "3")
    refused_with_a_way_on(stack, lab, "rule 13")
    assert "create Deployment scan-api-canary" in stack.changes()
    stack.change(rollouts={})


def test_an_overruled_guard_lets_the_update_through_with_a_warning(stack, lab):
    stack.change(rollouts={"scan-api": {"phase": 2}}, overrule={"scan-api": "tried elsewhere"})
    log = stack.up()
    assert "overruled (tried elsewhere)" in log
    assert weights(lab, "scan/scan-api") == {"stable": 95, "canary-or-stable": 5}
    stack.change(overrule={})


def test_images_in_flight_are_refused_and_the_printed_commands_work(stack, lab):
    # The canary of the test before has weight.
    rollout = {"phase": 2, "weight": 10, "canary": {"tag": "not-tried-by-anybody"}}
    stack.change(rollouts={"scan-api": rollout})
    refused_with_a_way_on(stack, lab, "rule 14")
    entry = yaml.safe_load(stack.file.read_text())["config"]["eco2:rollouts"]["scan-api"]
    assert entry == {"phase": 1, "canary": {"tag": "not-tried-by-anybody"}}
    stack.change(rollouts={"scan-api": {"phase": 2}})
    stack.set("eco2:services.scan-api.image.tag", "scan-api-0.9.0")
    refused_with_a_way_on(stack, lab, "rule 15")
    stack.change(rollouts={})
    stack.up()


def refused_with_a_way_on(stack, lab, rule):
    """A preview refuses, touches nothing and names commands that work as they are printed."""
    before = versions(lab)
    refused = stack.pulumi("preview", check=False)
    assert refused.returncode != 0
    assert rule in refused.stdout
    assert "Traceback" not in refused.stdout
    # The host's own words would stand between a person and the way on.
    assert "unhandled error" not in refused.stdout
    command = re.search(r"next: `(pulumi .+?)`", refused.stdout)[1]
    subprocess.run(command, shell=True, cwd=stack.folder, env=lab.environment, check=True)  # noqa: S602  # as a person would
    assert versions(lab) == before
    accepted = stack.pulumi("preview", check=False)
    assert accepted.returncode == 0, accepted.stdout


def versions(lab):
    return {path: lab.versions(path) for path in WRITTEN}


def test_pods_without_the_toleration_stay_pending(lab, stack):
    create_pod(lab, "stranger", nodeSelector={"domain": "auth"})
    told, deadline = "", time.monotonic() + 10
    while not told and time.monotonic() < deadline:
        conditions = lab.api.request("GET", "/api/v1/namespaces/default/pods/stranger")["status"].get(
            "conditions", []
        )
        told = " ".join(one.get("message", "") for one in conditions)
        time.sleep(0.1)
    lab.api.request("DELETE", "/api/v1/namespaces/default/pods/stranger")
    assert "untolerated taint" in told


def create_pod(lab, name, cpu="1m", **spec):
    containers = [{"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": containers, **spec},
    }
    lab.api.request("POST", "/api/v1/namespaces/default/pods", pod)


def _rules(lab, name):
    return lab.items("/apis/networking.istio.io/v1/virtualservices")[name]["spec"]["http"]

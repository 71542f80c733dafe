"""The ways on after stable timed out, and after somebody deleted what the state knows."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.updates import until

pytestmark = pytest.mark.lab
DEPLOYMENTS = "/apis/apps/v1/deployments"
MY = "/apis/apps/v1/namespaces/my/deployments/my-api"


def stable(lab):
    return lab.api.request("GET", MY)


def time_out(stack, lab, level):
    """An update that changes stable, waits in vain, and so leaves its errors in the state; then pods are ready."""
    services = yaml.safe_load(stack.file.read_text())["config"]["eco2:services"]
    mine = {**services.get("my-api", {}), "env": {"LOG_LEVEL": level}}
    stack.change(services={**services, "my-api": mine})
    lab.command("behave", "my-api-dev-latest", "--unready")
    assert "Deployment my-api " in stack.up(check=False)
    lab.command("behave", "--reset")
    until(lambda: stable(lab)["status"].get("unavailableReplicas", 0) == 0, "stable's pods")


def scale(lab, replicas):
    """Does what the autoscaler does."""
    body = {"spec": {"replicas": replicas}}
    manager = {"fieldManager": "kube-controller-manager"}
    lab.api.request("PATCH", f"{MY}/scale", body, manager, "application/merge-patch+json")
    until(lambda: stable(lab)["status"].get("readyReplicas") == replicas, "stable's new pods")


def failed_before(stack, name):
    """Whether the state holds an error of a resource's last update."""
    resources = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    return any(one.get("initErrors") for one in resources if one["urn"].endswith(f"::{name}"))


@pytest.fixture(scope="module", autouse=True)
def _impatient(stack):
    stack.change(readyTimeoutSeconds=10)
    stack.up()


def test_stable_that_timed_out_holds_no_abort_up_and_loses_no_pod_by_it(stack, lab):
    stack.climb("my-api", 2)
    time_out(stack, lab, "DEBUG")
    scale(lab, 3)
    assert failed_before(stack, "my-api")
    generation = stable(lab)["metadata"]["generation"]
    done = stack.eco2("abort", "my-api")
    assert done.returncode == 0, done.stdout + done.stderr
    assert stable(lab)["spec"]["replicas"] == 3
    assert stable(lab)["metadata"]["generation"] == generation
    assert "my/my-api-canary" not in lab.items(DEPLOYMENTS)
    assert stack.changes() == []

"""The ways on after stable timed out, and after somebody deleted what the state knows."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.updates import until

pytestmark = [pytest.mark.lab, pytest.mark.rare]
SERVICES = ("my-api", "auth-api")
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


def owners_of_replicas(live):
    """Who set a Deployment's number of pods."""
    entries = live["metadata"]["managedFields"]
    return {one["manager"] for one in entries if "f:replicas" in one["fieldsV1"].get("f:spec", {})}


def failed_before(stack, name):
    """Whether the state holds an error of a resource's last update."""
    resources = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    return any(one.get("initErrors") for one in resources if one["urn"].endswith(f"::{name}"))


@pytest.fixture(scope="module", autouse=True)
def _impatient(stack):
    stack.change(readyTimeoutSeconds=10)
    stack.up()


def test_stable_that_timed_out_holds_no_abort_up(stack, lab):
    stack.jump(2, "my-api")
    time_out(stack, lab, "DEBUG")
    scale(lab, 3)
    assert failed_before(stack, "my-api")
    before = stable(lab)
    done = stack.eco2("abort", "my-api")
    assert done.returncode == 0, done.stdout + done.stderr
    # Thawed, the autoscaler itself may shrink it by now.
    after = stable(lab)
    assert "kube-controller-manager" in owners_of_replicas(after)
    assert after["spec"]["template"] == before["spec"]["template"]
    assert "my/my-api-canary" not in lab.items(DEPLOYMENTS)
    assert stack.changes() == []


def test_stable_that_timed_out_keeps_the_number_of_its_autoscaler(stack, lab):
    """The engine retries what timed out without a change; older ones than this project takes forgot what is ignored."""
    stack.jump(2, "my-api")
    time_out(stack, lab, "INFO")
    scale(lab, 3)
    assert failed_before(stack, "my-api")
    assert stack.changes() == ["update Deployment my-api"]
    stack.up()
    assert not failed_before(stack, "my-api")
    # Stable's autoscaler is frozen while the canary has weight: nobody takes it down but an update.
    assert stable(lab)["spec"]["replicas"] == 3
    assert stack.changes() == []
    assert stack.eco2("abort", "my-api").returncode == 0


ROUTES = "/apis/networking.istio.io/v1/namespaces/my/virtualservices/my-api"
SCALER = "/apis/autoscaling/v2/namespaces/my/horizontalpodautoscalers/my-api"
AGAIN = "pulumi up --refresh --run-program --stack dev"


def there(lab, path):
    """Whether an object is there."""
    collection, name = path.rsplit("/", 1)
    return f"my/{name}" in lab.items(collection)


def delete(lab, *paths):
    for path in paths:
        lab.api.request("DELETE", path)
    until(lambda: not any(there(lab, path) for path in paths), "the objects' end")


def test_a_step_whose_object_somebody_deleted_ends_with_the_way_on(stack, lab):
    stack.climb("my-api", 1)
    delete(lab, SCALER)
    done = stack.eco2("advance", "my-api", "--yes")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "not found" in done.stdout + done.stderr
    told = "the state knows and the cluster does not: HorizontalPodAutoscaler my/my-api. "
    assert told in done.stderr
    assert AGAIN in done.stderr
    stack.pulumi(*AGAIN.split()[1:4], "--yes", "--skip-preview")
    assert there(lab, SCALER)
    assert stack.changes() == []
    stack.advance("my-api", 0)


@pytest.mark.parametrize("lost", [(SCALER, f"{MY}-canary"), (ROUTES, SCALER), (f"{ROUTES}-mesh",)])
def test_no_abort_fails_because_somebody_deleted_what_it_changes(stack, lab, lost):
    stack.jump(2, "my-api")
    delete(lab, *lost)
    done = stack.eco2("abort", "my-api")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "was deleted by somebody, and is made anew" in done.stdout
    assert all(there(lab, path) for path in (MY, ROUTES, f"{ROUTES}-mesh", SCALER))
    assert not there(lab, f"{MY}-canary")
    assert stack.changes() == []

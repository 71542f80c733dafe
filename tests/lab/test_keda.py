"""The lab's KEDA: an autoscaler for every ScaledObject, which holds floor and ceiling."""

from __future__ import annotations

import pytest

from tests.lab.waiting import until

pytestmark = pytest.mark.lab
AUTOSCALERS = "/apis/autoscaling/v2/horizontalpodautoscalers"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects"


@pytest.fixture(scope="module")
def garbage_collector(lab):
    """Makes the garbage collector learn of KEDA's kinds now: it does at its start, and then every 30 s."""
    lab.command("restart", "kube-controller-manager")


def scale(lab, name, **spec):
    """Makes a ScaledObject of two triggers for the Deployment of the same name."""
    body = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": name}}
    triggers = [
        {"type": "redis-streams", "metadata": {"stream": "jobs", "consumerGroup": "workers"}},
        {"type": "cron", "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 9 * * *"}},
    ]
    body["spec"] = {"scaleTargetRef": {"name": name}, "triggers": triggers, **spec}
    return lab.api.request("POST", SCALED_OBJECTS, body)


def deploy(lab, name, replicas):
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "example.com/app"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    lab.api.request("POST", DEPLOYMENTS, body)


def replicas(lab, name):
    return lab.api.request("GET", f"{DEPLOYMENTS}/{name}")["spec"]["replicas"]


def patch(lab, path, **spec):
    lab.api.request("PATCH", path, {"spec": spec}, content_type=MERGE)


def autoscaler(lab, name):
    return lab.items(AUTOSCALERS).get(f"default/keda-hpa-{name}")


def bounds(lab, name):
    """Floor and ceiling; None while there is no autoscaler."""
    found = autoscaler(lab, name)
    return found and (found["spec"]["minReplicas"], found["spec"]["maxReplicas"])


def test_a_scaled_object_has_an_autoscaler_of_its_own(lab):
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 30, "selectPolicy": "Disabled"}}
    advanced = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
    scaled = scale(lab, "own", minReplicaCount=2, maxReplicaCount=5, advanced=advanced)
    until(lambda: autoscaler(lab, "own"))
    found = autoscaler(lab, "own")
    spec, (owner,) = found["spec"], found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("ScaledObject", "own", scaled["metadata"]["uid"])
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "own"}
    assert bounds(lab, "own") == (2, 5)
    assert spec["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 30
    metrics = [metric["external"]["metric"]["name"] for metric in spec["metrics"]]
    assert metrics == ["s0-redis-streams", "s1-cron"]


def test_bounds_that_are_left_out_are_kedas(lab):
    scale(lab, "plain")
    until(lambda: bounds(lab, "plain") == (1, 100))


def test_floor_and_ceiling_are_held_without_the_metric(lab):
    deploy(lab, "held", replicas=1)
    scale(lab, "held", minReplicaCount=2, maxReplicaCount=5)
    until(lambda: replicas(lab, "held") == 2)
    patch(lab, f"{DEPLOYMENTS}/held", replicas=9)
    until(lambda: replicas(lab, "held") == 5)


def test_an_autoscaler_follows_its_scaled_object_and_goes_with_it(lab, garbage_collector):
    scale(lab, "followed", minReplicaCount=1, maxReplicaCount=3)
    until(lambda: bounds(lab, "followed") == (1, 3))
    patch(lab, f"{SCALED_OBJECTS}/followed", minReplicaCount=2, maxReplicaCount=4)
    until(lambda: bounds(lab, "followed") == (2, 4))
    lab.api.request("DELETE", f"{SCALED_OBJECTS}/followed")
    until(lambda: autoscaler(lab, "followed") is None)


def test_a_scaled_object_of_the_same_name_gets_an_autoscaler_again(lab, garbage_collector):
    for ceiling in (3, 4):
        scale(lab, "again", maxReplicaCount=ceiling)
        until(lambda ceiling=ceiling: bounds(lab, "again") == (1, ceiling))
        lab.api.request("DELETE", f"{SCALED_OBJECTS}/again")
        until(lambda: autoscaler(lab, "again") is None)


def test_the_operator_goes_on_after_a_crash(lab):
    lab.command("kill", "keda")
    scale(lab, "late", maxReplicaCount=6)
    lab.command("restart", "keda")
    until(lambda: bounds(lab, "late") == (1, 6))


def test_an_autoscaler_that_somebody_deletes_comes_back(lab):
    scale(lab, "restored", maxReplicaCount=3)
    until(lambda: bounds(lab, "restored") == (1, 3))
    lab.api.request(
        "DELETE", "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/keda-hpa-restored"
    )
    until(lambda: bounds(lab, "restored") == (1, 3), seconds=4)


def test_a_floor_of_zero_is_one_for_the_autoscaler_and_holds_nobody_else_up(lab):
    scale(lab, "a-zero", minReplicaCount=0, maxReplicaCount=3)
    scale(lab, "b-other", maxReplicaCount=2)
    try:
        until(lambda: bounds(lab, "a-zero") == (1, 3) and bounds(lab, "b-other") == (1, 2), seconds=4)
    finally:
        lab.api.request("DELETE", f"{SCALED_OBJECTS}/a-zero")

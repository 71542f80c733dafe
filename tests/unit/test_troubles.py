"""After an update that failed the commands show what pods say, and never instead of the update's own error."""

from __future__ import annotations

import pytest

from tests.api_server import ApiServer
from tests.desk import IMAGE
from tests.unit.kubernetes_objects import deployment, pod, replica_set

UNREADY = {"type": "Ready", "status": "False"}
NO_ROOM = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/10 nodes"}
FAILED = "error: the update ended with exit code 3; its output is above\n"


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        yield running


@pytest.fixture
def failing(desk):
    """`eco2 advance auth-api` whose update fails; what it says."""

    def run():
        desk.left()
        (desk.folder / "code").write_text("3")
        done = desk.run("advance", "auth-api", "--yes")
        assert done.exit_code == 4
        return done.stderr

    return run


def everywhere(cluster, deployments, replica_sets, pods=()):
    for path, items in (
        ("/apis/apps/v1/deployments", deployments),
        ("/apis/apps/v1/replicasets", replica_sets),
        ("/api/v1/pods", pods),
    ):
        cluster.objects[path] = {"items": list(items)}


def canary(**more):
    return deployment("auth-api-canary", **{"image": f"{IMAGE}auth-api-dev-canary", "ready": 0, **more})


def sets():
    return replica_set("c-1", "auth-api-canary", ready=0)


def test_each_deployment_that_is_not_ready_tells_why(failing, cluster):
    pulling = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}}}
    pods = [
        pod("p-1", "c-1", [NO_ROOM]),
        pod("p-2", "c-1", [NO_ROOM]),
        pod("p-3", "c-1", [UNREADY], [pulling]),
    ]
    everywhere(cluster, [deployment("my-api"), canary(wanted=3)], [sets()], pods)
    told = failing()
    line = "auth-api-canary: 0 of 3 pods are ready: 2 pods unschedulable: 0/10 nodes; p-3 ImagePullBackOff: no such tag"
    assert f"{FAILED}  {line}\n" in told
    assert "my-api:" not in told
    # The way on is still the last thing that is said.
    assert told.rstrip().splitlines()[-1].startswith("Pulumi.dev.yaml is written")


def test_pods_that_a_quota_forbids_are_told_of(failing, cluster):
    refused = canary()
    refused["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: q"}
    ]
    everywhere(cluster, [refused], [sets()])
    assert "  auth-api-canary: 0 of 1 pods are ready: exceeded quota: q\n" in failing()


def test_pods_of_an_older_generation_do_not_count(failing, cluster):
    everywhere(cluster, [canary(ready=1, pods=2, updated=1)], [sets()])
    assert "  auth-api-canary: 0 of 1 pods are ready\n" in failing()


def test_an_update_that_failed_for_another_reason_tells_of_no_pods(failing, cluster):
    everywhere(cluster, [canary(ready=1)], [replica_set("c-1", "auth-api-canary")])
    assert f"{FAILED}Pulumi.dev.yaml is written" in failing()


def test_a_cluster_that_cannot_be_asked_does_not_hide_the_error(failing, cluster):
    told = failing()
    assert FAILED in told
    assert "  whether pods are ready is not known: " in told


def test_a_pod_that_is_ready_beside_an_older_one_is_no_trouble(failing, cluster):
    everywhere(cluster, [canary(ready=2, pods=2, updated=1)], [sets()])
    assert "auth-api-canary:" not in failing()

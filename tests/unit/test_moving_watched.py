"""How `advance --wait` ends: what could not be looked at is no success."""

from __future__ import annotations

import json

import pytest

from eco2.prometheus import Prometheus, Requests
from tests.api_server import ApiServer

NOBODY = ("--prometheus", "http://127.0.0.1:1")
SOMEBODY = ("--prometheus", "http://127.0.0.1:2")
READY = {
    "metadata": {"name": "a"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []},
}


@pytest.fixture
def ends(desk, tmp_path, monkeypatch):
    """Begins a rollout of a service, and watches its canary: pods wanted (None: no Deployment) and pods there."""

    def run(wanted, pods, *options, counted=None, service="auth-api", namespace="auth"):
        if counted:
            monkeypatch.setattr(Prometheus, "requests", lambda *_: {service: counted})
        with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as cluster:
            cluster.lists(namespace, [], [], pods)
            path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{service}-canary"
            if wanted is not None:
                cluster.objects[path] = {"spec": {"replicas": wanted}}
            return desk.run("advance", service, "--yes", "--wait", "1", *options)

    return run


@pytest.mark.parametrize(
    ("wanted", "pods", "options", "words"),
    [
        (None, [], (), "no Deployment"),
        (2, [], (), "0 pods ready, and 2 wanted"),
        (0, [], (), "its Deployment is scaled to 0"),
        (1, [READY], NOBODY, "Prometheus at http://127.0.0.1:1 does not answer"),
    ],
)
def test_a_canary_that_cannot_be_watched_is_no_success(ends, wanted, pods, options, words):
    done = ends(wanted, pods, *options)
    assert done.exit_code == 5, done.output
    told = " ".join(done.stdout.split())
    assert "auth-api: not known: " in told
    assert words in told
    assert "whether auth-api is well is not known; look: `eco2 status auth-api --stack dev" in told
    assert "eco2 abort" not in told


def test_a_stable_that_fails_itself_is_nothing_to_watch_by(ends):
    counted = Requests({"v1": 1000, "v2": 1000}, {"v1": 600, "v2": 500})
    done = ends(1, [READY], *SOMEBODY, counted=counted)
    assert done.exit_code == 5
    assert "auth-api: not known" in done.stdout


@pytest.mark.parametrize(
    ("counted", "verdict"), [(Requests({"v2": 12}, {"v2": 3}), "not known"), (Requests({"v2": 500}), "well")]
)
def test_too_few_requests_to_judge_by_are_no_failure(ends, counted, verdict):
    done = ends(1, [READY], *SOMEBODY, counted=counted)
    assert done.exit_code == 0, done.output
    assert f"auth-api: {verdict}: " in done.stdout


def test_a_worker_that_wants_no_pods_yet_is_no_failure(ends):
    done = ends(0, [], service="my-worker", namespace="my")
    assert done.exit_code == 0, done.output
    assert "my-worker: not known: it has no pods in this phase" in done.stdout


def test_scripts_are_told_what_could_not_be_watched(ends):
    done = ends(None, [], "--json")
    assert done.exit_code == 5
    (health,) = json.loads(done.stdout)["watched"]
    assert health == {
        "service": "auth-api",
        "verdict": "not known",
        "words": "no Deployment",
        "watched": False,
    }


def test_a_sick_canary_is_told_with_the_way_back(ends):
    counted = Requests({"v1": 1000, "v2": 1000}, {"v2": 500})
    done = ends(1, [READY], *SOMEBODY, counted=counted)
    assert done.exit_code == 5
    assert "eco2 abort auth-api --stack dev" in done.stdout
    assert "eco2 status" not in done.stdout

"""How `advance --wait` ends: what could not be looked at is no success."""

from __future__ import annotations

import json

import pytest

from eco2.judge.requests import Counted, RequestReader
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import NotYet
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
            monkeypatch.setattr(RequestReader, "look", lambda *_: {service: counted})
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
        (2, [], (), "0 of 2 pods ready"),
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


def counts(canary, stable):
    batch = Batch(Counts(*canary), Counts(*stable))
    return Counted(batch, batch, "")


def test_what_a_prometheus_cannot_tell_is_no_success(ends):
    why = Unknown("the newest counts are 75 s old")
    done = ends(1, [READY], *SOMEBODY, counted=Counted(why, why, why))
    assert done.exit_code == 5
    assert "auth-api: not known: the newest counts are 75 s old" in done.stdout


AWAITED = NotYet("two scrapes since the beginning are awaited")


@pytest.mark.parametrize("counted", [counts((12, 0), (0, 0)), Counted(AWAITED, AWAITED, AWAITED)])
def test_too_few_requests_to_judge_by_are_no_failure(ends, counted):
    done = ends(1, [READY], *SOMEBODY, counted=counted)
    assert done.exit_code == 0, done.output
    assert "auth-api: not known: " in done.stdout
    assert "stable has answered no request that Prometheus counted" in done.stdout


def test_without_a_prometheus_pods_are_looked_at_alone_and_it_says_so(ends):
    done = ends(1, [READY])
    assert done.exit_code == 0, done.output
    told = (
        "auth-api: well: 1 of 1 pods ready, no restarts; requests were not looked at: no Prometheus was named"
    )
    assert told in " ".join(done.stdout.split())


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
        "words": "no Deployment; requests were not looked at: no Prometheus was named",
        "watched": False,
    }


def test_a_sick_canary_is_told_with_the_way_back(ends):
    done = ends(1, [READY], *SOMEBODY, counted=counts((1000, 500), (1000, 0)))
    assert done.exit_code == 5
    assert "eco2 abort auth-api --stack dev" in done.stdout
    assert "eco2 status" not in done.stdout

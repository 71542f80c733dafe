"""A look at canaries: requests and pods together, and neither waits for the other."""

from __future__ import annotations

import threading
import time

import pytest

from eco2.judge.watch import NO_ANSWER, NO_PROMETHEUS, Watch
from eco2.prometheus import PrometheusError
from kube.errors import ClusterError
from rollout.judge.judging import Earlier
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.signs import PodLook, pods_sign
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.prometheus_server import Mesh, PrometheusServer

SERVICES = read_catalog(ROOT / "services.yaml").services
ONE = {"auth-api": SERVICES["auth-api"]}
WEIGHTS = {"auth-api": 20}


class Cluster:
    """A canary of one pod."""

    def __init__(self):
        self.restarts = 0
        self.ready = "True"
        self.answers = threading.Event()
        self.answers.set()
        self.error = None

    def list(self, _, query):
        self.answers.wait()
        if self.error:
            raise self.error
        status = {
            "conditions": [{"type": "Ready", "status": self.ready}],
            "containerStatuses": [{"restartCount": self.restarts}],
        }
        return [{"metadata": {"name": query["labelSelector"]}, "status": status}]

    def get(self, _):
        return {"spec": {"replicas": 1}}


@pytest.fixture
def server():
    with PrometheusServer() as opened:
        yield opened


def test_several_services_are_asked_about_together(server):
    services = {name: SERVICES[name] for name in ("auth-api", "chat-api", "ext-authz", "my-worker")}
    watch = Watch(Cluster(), server.url, services)
    first = watch.look(dict.fromkeys(services, 20))
    assert first.keys() == services.keys()
    server.asked.clear()
    watch.look(dict.fromkeys(services, 20))
    counters = [asked for asked in server.asked if asked.startswith("istio_requests_total{")]
    assert len(counters) == 2
    assert sum('"auth-api|chat-api"' in asked for asked in counters) == 1
    assert {type(one.pods) for one in first.values()} == {PodLook}


def test_restarts_are_counted_within_a_phase(server):
    cluster = Cluster()
    watch = Watch(cluster, server.url, ONE)
    watch.look(WEIGHTS)
    cluster.restarts = 2
    assert set(watch.look(WEIGHTS)["auth-api"].pods.restarts.values()) == {2}
    watch.begin_phase()
    assert set(watch.look(WEIGHTS)["auth-api"].pods.restarts.values()) == {0}


def test_what_stables_pods_go_through_in_the_same_time_is_seen_beside(server):
    cluster = Cluster()
    watch = Watch(cluster, server.url, ONE)
    assert not watch.look(WEIGHTS)["auth-api"].pods.stable_lacks
    cluster.restarts, cluster.ready = 1, "False"
    pods = watch.look(WEIGHTS)["auth-api"].pods
    assert (pods.stable_restarts, pods.stable_lacks) == ({"app=auth-api,version=v1": 1}, True)
    assert pods_sign((pods,) * 3).answer == "not known"


def test_an_api_server_that_is_away_is_unknown_and_requests_are_told_all_the_same(server):
    cluster, mesh = Cluster(), Mesh(server.series)
    watch = Watch(cluster, server.url, ONE)
    cluster.error = ClusterError("the cluster of context eco2-dev does not answer: refused")
    for number in (1, 1, 1, 20):
        mesh.count("v2", number)
        mesh.wait(15)
        found = watch.look(WEIGHTS)["auth-api"]
    assert found.pods == Unknown("the cluster of context eco2-dev does not answer: refused")
    assert found.failed == Batch(Counts(20, 0), Counts(0, 0))


def test_requests_do_not_wait_for_a_cluster_that_hangs(server, monkeypatch):
    monkeypatch.setattr("eco2.judge.watch.PATIENCE_SECONDS", 0.1)
    cluster = Cluster()
    cluster.answers.clear()
    watch = Watch(cluster, server.url, ONE)
    began = time.monotonic()
    assert watch.look(WEIGHTS)["auth-api"].pods == NO_ANSWER
    assert watch.look(WEIGHTS)["auth-api"].pods == NO_ANSWER
    assert time.monotonic() - began < 1.5
    cluster.answers.set()
    time.sleep(0.2)
    pods = watch.look(WEIGHTS)["auth-api"].pods
    assert pods == PodLook(
        1, 1, {"app=auth-api,version=v2": 0}, stable_restarts={"app=auth-api,version=v1": 0}
    )


def test_without_a_prometheus_pods_are_all_that_is_known():
    watch = Watch(Cluster(), None, ONE)
    found = watch.look(WEIGHTS)["auth-api"]
    assert found.failed == found.slow == found.fallen_back == NO_PROMETHEUS
    assert isinstance(found.pods, PodLook)
    assert watch.earlier("auth-api") == Earlier(NO_PROMETHEUS, NO_PROMETHEUS)


def test_what_is_no_url_is_refused_at_once():
    with pytest.raises(PrometheusError, match="is no URL"):
        Watch(Cluster(), "here", ONE)

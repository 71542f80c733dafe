"""Whether a canary is well after an advance."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from eco2.change import canary_health as soaking
from eco2.change.canary_health import soak
from eco2.prometheus import PrometheusError
from kube.errors import ClusterError
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.prometheus_server import Mesh, PrometheusServer

pytestmark = pytest.mark.whole

ALONE = "requests were not looked at: no Prometheus was named"
SERVICES = read_catalog(ROOT / "services.yaml").services


def pod(name="a", *, ready=True, restarts=0, leaving=False):
    meta = {"name": name} | ({"deletionTimestamp": "now"} if leaving else {})
    status = {
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{"restartCount": restarts}],
    }
    return {"metadata": meta, "status": status}


def wanting(count, *pods):
    """A look at pods whose Deployment wants another number of them; None: it is gone."""
    return list(pods), count


class Cluster:
    """Shows one list of the canary's pods after the other, the last one for ever; so many are wanted as there are.

    Stable has one pod, which is well.
    """

    def __init__(self, *looks):
        self.looks = list(looks)
        self.asked = []
        self.now = ([], 0)

    def list(self, path, query):
        self.asked.append((path, query["labelSelector"]))
        if query["labelSelector"].endswith("v1"):
            return [pod("stable")]
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        staying = sum("deletionTimestamp" not in one["metadata"] for one in look if isinstance(one, dict))
        self.now = look if isinstance(look, tuple) else (look, staying)
        return self.now[0]

    def get(self, path):
        self.asked.append(path)
        if not path.endswith("-canary"):
            return {"spec": {"replicas": 1}}
        return None if self.now[1] is None else {"spec": {"replicas": self.now[1]}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(soaking, "PAUSE_SECONDS", 0.01)


def watched(*looks, name="auth-api", seconds=0.3, prometheus=None):
    [health] = soak(Cluster(*looks), {name: SERVICES[name]}, {name: 20}, seconds, prometheus, lambda _: None)
    return health.verdict, health.words


def test_a_canary_whose_pods_stay_ready_is_well():
    assert watched([pod()]) == ("well", f"1 of 1 pods ready, no restarts; {ALONE}")


def test_pods_of_both_versions_are_asked_for():
    cluster = Cluster([pod()])
    soak(cluster, {"auth-api": SERVICES["auth-api"]}, {"auth-api": 20}, 0, None, lambda _: None)
    assert set(cluster.asked) == {
        ("/api/v1/namespaces/auth/pods", "app=auth-api,version=v1"),
        ("/api/v1/namespaces/auth/pods", "app=auth-api,version=v2"),
        "/apis/apps/v1/namespaces/auth/deployments/auth-api",
        "/apis/apps/v1/namespaces/auth/deployments/auth-api-canary",
    }


def test_a_restart_is_sickness_at_once():
    assert watched([pod(restarts=2)], [pod(restarts=3)], seconds=60) == ("sick", "a restarted 1 x")


def test_restarts_from_before_are_not():
    assert watched([pod(restarts=2)])[0] == "well"


def test_fewer_ready_pods_are_sickness_once_they_stay_fewer():
    both, one = [pod("a"), pod("b")], [pod("a"), pod("b", ready=False)]
    assert watched(both, one, seconds=60)[0] == "sick"
    assert watched(both, one, both)[0] == "well"
    assert watched(one, both)[0] == "well"
    assert watched(one, seconds=60)[0] == "sick"


def test_pods_that_leave_do_not_count():
    assert watched([pod("a"), pod("b", leaving=True)]) == ("well", f"1 of 1 pods ready, no restarts; {ALONE}")


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_a_worker_without_weight_has_no_pods_and_is_neither_well_nor_sick(seconds):
    told = "not known", "it has no pods in this phase"
    assert watched([], name="my-worker", seconds=seconds) == told


def test_a_canary_that_its_autoscaler_shrinks_is_well():
    assert watched([pod("a"), pod("b")], [pod("a")]) == ("well", f"1 of 1 pods ready, no restarts; {ALONE}")
    leaving = [pod("a"), pod("b", leaving=True)]
    assert watched([pod("a"), pod("b")], leaving)[0] == "well"


def test_a_canary_that_shrank_and_then_loses_its_pod_is_sick():
    told = watched([pod("a"), pod("b")], [pod("a")], wanting(1), seconds=60)
    assert told == ("sick", "0 of 1 pods ready")


def test_pods_that_an_autoscaler_adds_have_time_to_start_and_then_count():
    starting = wanting(2, pod("a"), pod("b", ready=False))
    grown = [pod("a"), pod("b")]
    assert watched([pod("a")], starting) == ("not known", f"1 of 2 pods ready; {ALONE}")
    assert watched([pod("a")], *[starting] * 5, grown)[0] == "well"
    assert watched([pod("a")], starting, grown, starting, seconds=60)[0] == "sick"
    assert watched([pod("a")], starting, wanting(2), seconds=60)[0] == "sick"


def test_a_canary_whose_deployment_goes_is_sick():
    assert watched([pod()], wanting(None), seconds=60) == ("sick", "no Deployment")


def test_a_canary_that_somebody_scales_to_0_is_no_canary_without_pods_by_plan():
    assert watched([pod()], wanting(0), seconds=60) == ("sick", "its Deployment is scaled to 0")
    assert watched(wanting(0), seconds=0) == ("not known", f"its Deployment is scaled to 0; {ALONE}")


@pytest.fixture
def server():
    with PrometheusServer() as opened:
        yield opened


@pytest.fixture
def served(server, monkeypatch):
    """Requests by version between two looks, and those that fail: each pause brings a scrape of so many more."""
    mesh = Mesh(server.series)

    def run(canary, stable, seconds=0.1, name="auth-api", **labels):
        def pause(_):
            for version, (number, failed) in (("v2", canary), ("v1", stable)):
                mesh.count(version, number - failed, **labels)
                mesh.count(version, failed, "503", **labels)
                mesh.take(version, 20, number, **labels)
            mesh.wait(15)
            time.sleep(0.01)

        for _ in range(2):
            mesh.take("v1", 20, 100, **labels)
            mesh.count("v1", 1, **labels)
            mesh.wait(15)
        monkeypatch.setattr(soaking, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pause))
        return watched([pod()], name=name, seconds=seconds, prometheus=server.url)

    return run


def test_requests_are_judged_beside_stable(served):
    verdict, words = served((200, 20), (800, 0), seconds=60)
    assert verdict == "sick"
    assert "10.0 % of" in words
    assert "worse by more than 0.5 points" in words


def test_a_canary_that_fails_no_more_than_stable_is_well(served):
    verdict, words = served((2000, 100), (8000, 400), seconds=1)
    assert verdict == "well", words
    assert "1 of 1 pods ready, no restarts" in words
    assert "failed, 5.0 % of stable's" in words


def test_too_few_requests_are_counted_out(served):
    verdict, words = served((1, 0), (3, 0))
    assert verdict == "not known"
    assert "not enough requests: " in words


def test_a_stable_that_fails_itself_is_no_excuse_for_one_that_fails_more(served):
    assert served((1000, 900), (4000, 1200), seconds=60)[0] == "sick"


def test_a_canary_that_has_fallen_back_is_sick_though_it_fails_nothing(served):
    verdict, words = served((1, 0), (1000, 0), seconds=60)
    assert verdict == "sick"
    assert "it has fallen back" in words


def test_grpc_errors_hide_under_200(server):
    watched([pod()], name="ext-authz", prometheus=server.url)
    assert any('istio_requests_total{reporter="destination",' in asked for asked in server.asked)


def test_a_worker_is_judged_by_its_pods_and_its_own_checks(server):
    verdict, words = watched([pod()], name="my-worker", prometheus=server.url)
    assert verdict == "not known"
    assert "it has no check of its own: add one under judge.checks" in words


def test_a_prometheus_that_does_not_answer_is_not_read_as_health():
    verdict, words = watched([pod()], seconds=0, prometheus="http://127.0.0.1:1")
    assert verdict == "not known"
    assert "Prometheus at http://127.0.0.1:1 does not answer" in words


@pytest.mark.parametrize("url", ["file:///etc/passwd", "prometheus:9090"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(PrometheusError, match="is no URL"):
        watched([pod()], seconds=0, prometheus=url)


def test_an_api_server_that_is_away_is_not_read_as_health():
    class Away:
        def list(self, *_):
            raise ClusterError("the cluster of context eco2-dev does not answer: refused")

    services = {"auth-api": SERVICES["auth-api"]}
    [health] = soak(Away(), services, {"auth-api": 20}, 0, None, lambda _: None)
    assert (health.verdict, health.watched) == ("not known", False)
    assert "does not answer" in health.words

"""Whether a canary is well after an advance."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from eco2.change import canary_health as soaking
from eco2.change.canary_health import judged_errors, soak
from rollout.spec.files import read_catalog
from tests.conftest import ROOT

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
    """Shows one list of pods after the other, the last one for ever; so many are wanted as there are."""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.asked = []
        self.now = ([], 0)

    def list(self, path, query):
        self.asked.append((path, query["labelSelector"]))
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        staying = sum("deletionTimestamp" not in one["metadata"] for one in look if isinstance(one, dict))
        self.now = look if isinstance(look, tuple) else (look, staying)
        return self.now[0]

    def get(self, path):
        self.asked.append(path)
        return None if self.now[1] is None else {"spec": {"replicas": self.now[1]}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(soaking, "PAUSE_SECONDS", 0.01)


def watched(*looks, name="auth-api", seconds=0.3, prometheus=None):
    [health] = soak(Cluster(*looks), {name: SERVICES[name]}, seconds, prometheus, lambda _: None)
    return health.verdict, health.words


def test_a_canary_whose_pods_stay_ready_is_well():
    assert watched([pod()]) == ("well", "1 pods ready, no restarts")


def test_only_pods_of_the_canary_are_asked_for():
    cluster = Cluster([pod()])
    soak(cluster, {"auth-api": SERVICES["auth-api"]}, 0, None, lambda _: None)
    assert set(cluster.asked) == {
        ("/api/v1/namespaces/auth/pods", "app=auth-api,version=v2"),
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
    assert watched([pod("a"), pod("b", leaving=True)]) == ("well", "1 pods ready, no restarts")


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_a_worker_without_weight_has_no_pods_and_is_neither_well_nor_sick(seconds):
    told = "not known", "it has no pods in this phase"
    assert watched([], name="my-worker", seconds=seconds) == told


def test_a_canary_that_its_autoscaler_shrinks_is_well():
    assert watched([pod("a"), pod("b")], [pod("a")]) == ("well", "1 pods ready, no restarts")
    leaving = [pod("a"), pod("b", leaving=True)]
    assert watched([pod("a"), pod("b")], leaving)[0] == "well"


def test_a_canary_that_shrank_and_then_loses_its_pod_is_sick():
    told = watched([pod("a"), pod("b")], [pod("a")], wanting(1), seconds=60)
    assert told == ("sick", "0 pods ready, and 1 wanted")


def test_pods_that_an_autoscaler_adds_have_time_to_start_and_then_count():
    starting = wanting(2, pod("a"), pod("b", ready=False))
    grown = [pod("a"), pod("b")]
    assert watched([pod("a")], starting) == ("not known", "1 pods ready, and 2 wanted")
    assert watched([pod("a")], *[starting] * 5, grown)[0] == "well"
    assert watched([pod("a")], starting, grown, starting, seconds=60)[0] == "sick"
    assert watched([pod("a")], starting, wanting(2), seconds=60)[0] == "sick"


def test_a_canary_whose_deployment_goes_is_sick():
    assert watched([pod()], wanting(None), seconds=60) == ("sick", "no Deployment")


def test_a_canary_that_somebody_scales_to_0_is_no_canary_without_pods_by_plan():
    assert watched([pod()], wanting(0), seconds=60) == ("sick", "its Deployment is scaled to 0")
    assert watched(wanting(0), seconds=0) == ("not known", "its Deployment is scaled to 0")


@pytest.mark.parametrize(
    ("canary", "stable", "verdict"),
    [
        ((1000, 0), (1000, 0), "well"),
        ((1000, 10), (1000, 0), "well"),
        ((1000, 11), (1000, 0), "sick"),
        ((1000, 30), (1000, 20), "well"),
        ((1000, 50), (1000, 20), "sick"),
        ((12, 12), (1000, 0), "not known"),
        ((0, 0), (0, 0), "not known"),
        ((100, 50), (0, 0), "sick"),
        ((1000, 190), (1000, 100), "well"),
        ((1000, 210), (1000, 100), "sick"),
        ((5000, 5000), (5000, 3000), "sick"),
        ((1000, 310), (1000, 200), "sick"),
        ((1000, 200), (1000, 200), "not known"),
        ((5000, 5000), (5000, 5000), "not known"),
        ((100, 100), (1, 1), "not known"),
        ((1000, 10), (1000, 600), "well"),
    ],
)
def test_errors_are_judged_beside_stable_and_only_with_enough_requests(canary, stable, verdict):
    assert judged_errors(canary, stable)[0] == verdict


def test_too_few_requests_are_counted_out():
    assert judged_errors((12, 3), (0, 0)) == ("not known", "not enough requests: 12 of 100", True)


@pytest.mark.parametrize("failed", range(0, 1001, 50))
def test_a_canary_that_fails_everything_is_never_well(failed):
    assert judged_errors((1000, 1000), (1000, failed))[0] != "well"


def test_a_stable_that_fails_itself_is_no_measure():
    told = "30.0% of 1000 requests failed, 60.0% of stable's, too many to tell the canary's own from"
    assert judged_errors((1000, 300), (1000, 600)) == ("not known", told, False)


@pytest.fixture
def prometheus():
    """A server that answers queries by what they name."""
    answers, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["query"][0]
            asked.append(query)
            failed = "response_code" in query or "grpc_response_status" in query
            named = {"destination_service_name": "auth-api", "destination_service_namespace": "auth"}
            result = [
                {"metric": {**named, "destination_version": version}, "value": [0, str(value)]}
                for (version, failures), value in answers.items()
                if failures == failed
            ]
            body = json.dumps({"status": "success", "data": {"result": result}}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_errors_come_from_a_prometheus(prometheus):
    url, answers, asked = prometheus
    answers |= {("v2", False): 400, ("v2", True): 40, ("v1", False): 9600}
    verdict, words = watched([pod()], prometheus=url)
    assert verdict == "sick"
    assert words == "1 pods ready, no restarts; 10.0% of 400 requests failed, 0.0% of stable's"
    assert 'reporter="source",destination_service_name=~"auth-api"' in asked[0]
    assert 'response_code=~"5.."' in asked[1]
    # A pod that starts at the last look is no reason to overlook them.
    assert watched([pod()], wanting(2, pod()), prometheus=url)[0] == "sick"


def test_grpc_errors_hide_under_200(prometheus):
    url, _, asked = prometheus
    assert watched([pod()], name="ext-authz", prometheus=url) == (
        "not known",
        "1 pods ready, no restarts; not enough requests: 0 of 100",
    )
    assert "grpc_response_status" in asked[1]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "file:///etc/passwd", "prometheus:9090"])
def test_a_prometheus_that_does_not_answer_is_not_read_as_health(url):
    verdict, words = watched([pod()], seconds=0, prometheus=url)
    assert verdict == "not known"
    assert url in words

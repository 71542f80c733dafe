"""Istio's metrics as the lab's Prometheus has them: each label, of a real Envoy and of pods."""

from __future__ import annotations

import sys

import pytest
import yaml
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from eco2.judge.asking import Asker
from eco2.judge.requests import RequestReader
from eco2.prometheus import Prometheus, PrometheusError
from lab import tools
from lab.mesh import envoy, prometheus
from lab.places import LabFolder
from lab.pods.requests import BUCKETS, Requests, labels_of
from lab.ports import free_ports
from rollout.judge.observations import Batch
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.lab.small_mesh import SLOW_SECONDS, Mesh, bootstrap, cluster, pod, serving
from tests.lab.waiting import until
from tests.prometheus import Between

pytestmark = [pytest.mark.lab, pytest.mark.rare]

AUTHORIZER = {
    "metadata": {
        "name": "ext-authz-canary-77d9-x7k2p",
        "namespace": "auth",
        "labels": {"app": "ext-authz", "version": "v2", "pod-template-hash": "77d9"},
        "ownerReferences": [{"name": "ext-authz-canary-77d9", "controller": True}],
    }
}


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    tools.make(tools.PROMETHEUS)
    root = tmp_path_factory.mktemp("mesh")
    folder, processes = LabFolder(root), {}
    ports = free_ports("prometheus", "envoy", "gateway", "caller", "dead")
    requests = Requests()

    def metrics(_):
        return 200, {"content-type": CONTENT_TYPE_PLAIN_0_0_4}, requests.exposed()

    with requests.counted(labels_of(AUTHORIZER)) as outcome:
        outcome.answered(0)
    with requests.counted(labels_of(AUTHORIZER)) as outcome:
        outcome.answered(14)
    with requests.counted(labels_of(AUTHORIZER)):
        pass
    with serving(pod) as v1, serving(pod) as v2, serving(metrics) as pods:
        clusters = [
            cluster("stable", ("v1", v1)),
            cluster("canary", ("v2", v2)),
            cluster("canary-or-stable", ("v1", v1)),
            cluster("nobody"),
            cluster("dead", ("v2", ports["dead"])),
        ]
        (root / "envoy.yaml").write_text(yaml.safe_dump(bootstrap(folder, ports["envoy"], clusters)))
        prometheus.write(folder, {"gateway": ports["gateway"], "caller": ports["caller"], "pods": pods})
        made = Mesh(folder, ports, processes)
        made.start(
            "envoy",
            *(str(envoy.program()), "-c", str(root / "envoy.yaml"), "--disable-hot-restart"),
            *("--concurrency", "1"),
        )
        way = f"tcp:127.0.0.1:{ports['gateway']}=unix:{folder.socket('gateway-admin')}"
        made.start("relay", sys.executable, "-m", "lab.mesh.relay", way)
        made.start_prometheus()
        until(lambda: made.sums('up{job="gateway"} == 1', "job"), 30)
        yield made
        for process in processes.values():
            process.kill()
            process.wait()


def test_every_label_is_istios(mesh):
    mesh.send("/stable/", 3)
    mesh.send("/canary/fails", 2)
    mesh.send("/canary/grpc", content_type="application/grpc", te="trailers")
    mesh.send("/nobody/", 4)
    mesh.send("/dead/")
    mesh.send("/no-route")
    mesh.leave("/canary/slow", SLOW_SECONDS / 3)
    names = (
        *("destination_service_name", "destination_service_namespace", "destination_version"),
        *("destination_workload", "response_code", "response_flags", "grpc_response_status"),
        "request_protocol",
    )
    chat = ("chat-api", "chat")
    wanted = {
        (*chat, "v1", "chat-api-v1", "200", "-", "", "http"): 3,
        (*chat, "v2", "chat-api-v2", "503", "-", "", "http"): 2,
        (*chat, "v2", "chat-api-v2", "200", "-", "14", "grpc"): 1,
        # No pod was there to be tried.
        (*chat, "unknown", "unknown", "503", "UH", "", "http"): 4,
        # One was, and took no connection: Istio names it, too.
        (*chat, "v2", "chat-api-v2", "503", "UF", "", "http"): 1,
        ("unknown", "unknown", "unknown", "unknown", "404", "NR", "", "http"): 1,
        (*chat, "v2", "chat-api-v2", "0", "DC", "", "http"): 1,
    }
    source = 'istio_requests_total{reporter="source",source_workload="istio-ingressgateway"}'
    until(lambda: mesh.sums(source, *names) == wanted)
    counted = 'istio_request_duration_milliseconds_count{reporter="source"}'
    until(lambda: mesh.sums(counted, *names) == wanted)


def test_requests_of_the_subset_of_both_count_under_the_version_that_answered(mesh):
    by = ("destination_version", "upstream_cluster")
    both = 'istio_requests_total{upstream_cluster=~".*[|]canary-or-stable[|].*"}'
    mesh.send("/canary-or-stable/", 5)
    until(
        lambda: (
            mesh.sums(both, *by)
            == {("v1", "outbound|8000|canary-or-stable|chat-api.chat.svc.cluster.local;"): 5}
        )
    )


def test_latency_is_the_real_one_in_istios_buckets(mesh):
    mesh.send("/canary-or-stable/slow", 3)
    slow = 'istio_request_duration_milliseconds_bucket{upstream_cluster=~".*[|]canary-or-stable[|].*"}'

    def between():
        found = {float(end): value for (end,), value in mesh.sums(slow, "le").items()}
        return found.get(500.0, 0) - found.get(250.0, 0) == 3 and found

    until(between)
    assert sorted(between())[:-1] == list(BUCKETS)


def test_calls_of_the_filter_are_reported_by_the_pods_alone(mesh):
    names = (
        *("reporter", "destination_service", "destination_service_namespace", "destination_workload"),
        *(
            "destination_version",
            "response_code",
            "response_flags",
            "grpc_response_status",
            "request_protocol",
        ),
    )
    own = ("destination", "ext-authz.auth.svc.cluster.local", "auth", "ext-authz-canary", "v2")
    wanted = {
        (*own, "200", "-", "0", "grpc"): 1,
        (*own, "200", "-", "14", "grpc"): 1,
        (*own, "0", "DC", "", "grpc"): 1,
    }
    calls = '{destination_service_name="ext-authz"}'
    until(lambda: mesh.sums(f"istio_requests_total{calls}", *names) == wanted)
    assert mesh.sums(f"istio_request_duration_milliseconds_count{calls}", *names) == wanted
    ends = mesh.sums(f"istio_request_duration_milliseconds_bucket{calls}", "le")
    assert sorted(float(end) for (end,) in ends)[:-1] == list(BUCKETS)


def test_a_prometheus_that_was_away_goes_on_with_what_it_knew(mesh):
    mesh.send("/canary-or-stable/", 5)
    every = 'count_over_time(istio_requests_total{upstream_cluster=~".*[|]canary-or-stable[|].*"}[5m])'
    until(lambda: mesh.sums(every, "destination_version").get(("v1",), 0) >= 2)
    before = mesh.sums(every, "destination_version")["v1",]
    mesh.processes["prometheus"].kill()
    mesh.processes["prometheus"].wait()
    with pytest.raises(PrometheusError, match="does not answer"):
        mesh.asked.query("up")
    mesh.start_prometheus()
    until(lambda: mesh.sums(every, "destination_version").get(("v1",), 0) > before, 30)


def test_an_envoy_that_starts_anew_begins_at_nothing_and_its_increase_does_not(mesh):
    counted = 'istio_requests_total{upstream_cluster=~".*[|]stable[|].*"}'
    mesh.send("/stable/", 20)
    until(lambda: mesh.sums(counted, "destination_version").get(("v1",), 0) >= 20)
    before = mesh.sums(counted, "destination_version")["v1",]
    mesh.processes["envoy"].kill()
    mesh.processes["envoy"].wait()
    command = mesh.processes["envoy"].args
    mesh.start("envoy", *command)

    def sent():
        try:
            mesh.send("/stable/")
        except OSError:
            return False
        return True

    until(sent, 30)
    mesh.send("/stable/", 4)
    until(lambda: mesh.sums(counted, "destination_version") == {("v1",): 5.0})
    assert before >= 20
    (resets,) = mesh.sums(f"resets({counted}[1m])", "destination_version").values()
    assert resets == 1


def test_one_between_lags_talks_nonsense_has_nothing_or_is_away(mesh):
    with Between(mesh.url) as between:
        asked = Prometheus(between.url)
        [(_, now)] = asked.query("vector(time())")
        between.lag_seconds = 120
        [(_, then)] = asked.query("vector(time())")
        assert 119 < now - then < 121
        between.lag_seconds, between.empty = 0, True
        assert asked.query("vector(time())") == []
        between.empty, between.nonsense = False, True
        with pytest.raises(PrometheusError, match="answers something else"):
            asked.query("vector(time())")
        between.nonsense, between.away = False, True
        with pytest.raises(PrometheusError, match="does not answer"):
            asked.query("vector(time())")
        between.away = False
        assert len(asked.query("vector(time())")) == 1
        assert between.asked == ["vector(time())"] * 6


def test_what_the_product_asks_is_answered(mesh):
    services = read_catalog(ROOT / "services.yaml").services
    chosen = {name: services[name] for name in ("chat-api", "ext-authz")}

    def counted():
        mesh.send("/stable/", 2)
        mesh.send("/canary/fails")
        mesh.send("/nobody/")
        found = mesh.asked.requests(chosen, 30)
        of = found["chat-api"]
        return of.total.get("v1", 0) > 3 and of.failed.get("v2", 0) > 1 and of.lost > 1 and found

    until(counted)
    assert mesh.asked.requests(chosen, 30)["ext-authz"].total == {"v2": 0}


def test_the_judge_reads_what_callers_and_pods_count(mesh):
    services = read_catalog(ROOT / "services.yaml").services
    reader = RequestReader(Asker(mesh.url), {"chat-api": services["chat-api"]})
    found = {"requests": 0.0, "bad": 0.0, "slow": 0.0}

    def told():
        mesh.send("/stable/", 2)
        mesh.send("/canary/fails")
        mesh.send("/nobody/")
        looked = reader.look({"chat-api": 50})["chat-api"]
        if isinstance(looked.failed, Batch) and isinstance(looked.slow, Batch):
            found["requests"] += looked.failed.stable.requests
            found["bad"] += looked.failed.canary.bad
            found["slow"] += looked.slow.stable.requests
        return all(value > 3 for value in found.values())

    until(told, 30)

    with Between(mesh.url) as between:
        reader = RequestReader(Asker(between.url), {"chat-api": services["chat-api"]})
        for fault, value, words in (
            ("lag_seconds", 120, "Prometheus answers with what it knew 1"),
            ("empty", True, "answers something else"),
            ("nonsense", True, "answers something else"),
            ("away", True, "does not answer"),
        ):
            setattr(between, fault, value)
            assert words in reader.look({"chat-api": 50})["chat-api"].failed.why
            setattr(between, fault, type(value)())

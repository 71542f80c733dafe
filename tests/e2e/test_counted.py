"""What the lab's Prometheus has counted, beside what was sent: each request, its version, and how long it took."""

from __future__ import annotations

import json
import math
import time
from collections import Counter

import pytest

from eco2.judge.watch import Watch
from eco2.prometheus import Prometheus, PrometheusError
from kube.cluster import ClusterClient
from rollout.judge.observations import Batch
from rollout.judge.signs import PodLook
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.failing import CANARY, CHAT, IMAGE, at, mend
from tests.traffic import HOST, Traffic, inside, send
from tests.updates import dead, replicas, until

pytestmark = [pytest.mark.lab, pytest.mark.rare]
SERVICES = ("chat-api",)
OURS = 'destination_service_name="chat-api",destination_service_namespace="chat"'
VERSION = "destination_version"


@pytest.fixture(scope="module")
def at_20(stack):
    """chat-api at phase 3, its canary of one pod."""
    at(stack, 3)
    return stack


@pytest.fixture(autouse=True)
def mended(lab):
    yield
    mend(lab)


class Counted:
    """What a Prometheus counts from now on."""

    def __init__(self, lab, metric="istio_requests_total", *, by=(VERSION,), labels=OURS, reporter="source"):
        self._prometheus = Prometheus(lab.variables["ECO2_PROMETHEUS_URL"])
        self._asked = f'sum by ({",".join(by)}) ({metric}{{reporter="{reporter}",{labels}}})'
        self._by = by
        # What was answered a moment ago may not have been seen yet.
        time.sleep(2.5)
        self._before = self._sums()

    def _sums(self):
        return Counter(
            {
                tuple(labels.get(name, "") for name in self._by): round(value)
                for labels, value in self._prometheus.query(self._asked)
            }
        )

    def now(self):
        """The increase; of one label alone by its value."""
        found = {key: value - self._before[key] for key, value in self._sums().items()}
        return {key[0] if len(key) == 1 else key: value for key, value in found.items() if value}

    def becomes(self, wanted):
        until(lambda: self.now() == wanted, f"{wanted}, and it is {self.now()}", 15)


@pytest.mark.usefixtures("at_20")
def test_each_request_is_counted_once_under_the_version_that_answered(lab):
    outside = Counted(lab, labels=f'{OURS},source_workload="istio-ingressgateway"')
    within = Counted(lab, labels=f'{OURS},source_workload="lab-caller"')
    told = send(lab, HOST, CHAT, 2000)
    assert told["failed"] == 0
    assert min(told["answers"].values()) > 300
    outside.becomes(told["answers"])
    assert within.now() == {}
    told = send(lab, inside("chat-api"), CHAT, 1000, "--inside")
    within.becomes(told["answers"])
    assert sum(outside.now().values()) == 2000


@pytest.mark.usefixtures("at_20")
def test_calls_of_the_gateways_filter_are_counted_where_they_arrive(lab):
    calls = Counted(
        lab,
        by=(VERSION, "grpc_response_status", "request_protocol"),
        labels='destination_service_name="ext-authz",destination_service_namespace="auth"',
        reporter="destination",
    )
    send(lab, HOST, CHAT, 300)
    calls.becomes({("v1", "0", "grpc"): 300})


@pytest.mark.usefixtures("at_20")
def test_while_the_canary_fails_stables_answers_are_stables(lab):
    lab.command("behave", IMAGE, "--status", "500")
    # Until the proxies leave its pods out.
    until(lambda: send(lab, HOST, CHAT, 100)["failed"] == 0, "the fallback")
    by = (VERSION, "upstream_cluster")
    counted = Counted(lab, by=by)
    told = send(lab, HOST, CHAT, 1000)
    # A pod that is left out comes back for a try after a while.
    stables = told["answers"].get("v1", 0)
    assert stables > 950

    def split():
        found = {(version, name.split("|")[2]): value for (version, name), value in counted.now().items()}
        return sum(found.values()) == 1000 and found

    until(split, "all requests")
    found = split()
    assert found.get(("v1", "stable"), 0) + found.get(("v1", "canary-or-stable"), 0) == stables
    # By the routes a fifth would be the canary's.
    assert found["v1", "canary-or-stable"] > 100


@pytest.mark.usefixtures("at_20")
def test_what_reached_no_pod_is_counted_without_a_version(lab):
    lab.command("behave", IMAGE, "--unready")
    until(lambda: replicas(lab, CANARY)[1] == 0, "the canary, not ready")
    time.sleep(1)
    counted = Counted(lab, by=(VERSION, "response_code", "response_flags"))
    told = send(lab, HOST, CHAT, 200, "--header")
    assert told["failed"] == 200
    counted.becomes({("unknown", "503", "UH"): 200})


@pytest.mark.usefixtures("at_20")
def test_a_slow_canary_is_slow_in_its_buckets_and_stable_is_not(lab):
    lab.command("behave", IMAGE, "--slow", "0.3")
    counted = Counted(lab, "istio_request_duration_milliseconds_bucket", by=(VERSION, "le"))
    with Traffic(lab, HOST, (CHAT,), rate=50) as users:
        time.sleep(8)
    users.assert_none_failed()
    sent = users.told["answers"]

    def faster(version, milliseconds):
        # As numbers: Prometheus 3 writes 500.0 where Envoy writes 500.
        return {(one, float(end)): value for (one, end), value in counted.now().items()}.get(
            (version, milliseconds), 0
        )

    until(lambda: {version: faster(version, math.inf) for version in sent} == sent, "all requests")
    assert faster("v2", 250) == 0
    assert faster("v2", 500) > 0.9 * sent["v2"]
    assert faster("v1", 250) > 0.9 * sent["v1"]


@pytest.mark.usefixtures("at_20")
def test_status_tells_what_was_counted_and_that_a_prometheus_is_away(lab, stack):
    def measured():
        [status] = json.loads(stack.eco2("status", "chat-api", "--json").stdout)
        found = status["measured"]
        return found and found["requests"] > 1000 and found

    def measured_as_routed():
        send(lab, HOST, CHAT, 500)
        found = measured()
        return found and abs(found["canary_share"] - 20) <= 4

    # What was sent before, by other routes, leaves the window within a minute.
    until(measured_as_routed, "a measured split of 20 %", 100)
    with dead(lab, "prometheus"):
        away = stack.eco2("status", "chat-api")
        assert away.returncode == 0
        assert "does not answer" in away.stdout
    try:
        until(measured, "what it knew before it went", 30)
    except PrometheusError as error:
        pytest.fail(str(error))


@pytest.mark.usefixtures("at_20")
def test_the_judges_looks_sum_up_to_what_was_sent(lab, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", lab.variables["KUBECONFIG"])
    services = {"chat-api": read_catalog(ROOT / "services.yaml").services["chat-api"]}
    watch = Watch(ClusterClient("eco2-dev"), lab.variables["ECO2_PROMETHEUS_URL"], services)
    # Each series is there before it is looked at.
    send(lab, HOST, CHAT, 300)
    time.sleep(3)
    readings, seen = [], Counter()

    def look():
        reading = watch.look({"chat-api": 20})["chat-api"]
        readings.append(reading)
        if isinstance(reading.failed, Batch):
            seen.update(v1=round(reading.failed.stable.requests), v2=round(reading.failed.canary.requests))

    look()
    time.sleep(2)
    look()
    seen.clear()
    with Traffic(lab, HOST, (CHAT,), rate=100) as users:
        for _ in range(8):
            time.sleep(1)
            look()
    for _ in range(4):
        time.sleep(1)
        look()
    users.assert_none_failed()
    assert seen == users.told["answers"], readings
    assert all(isinstance(one.pods, PodLook) for one in readings)
    batches = [one.slow for one in readings if isinstance(one.slow, Batch)]
    assert sum(batch.canary.requests for batch in batches) == pytest.approx(seen["v2"], abs=10)
    assert all(
        batch.stable.bad == 0 for batch in (one.failed for one in readings) if isinstance(batch, Batch)
    )

"""The rules and the dashboard's questions in the lab's real Prometheus, with real traffic."""

from __future__ import annotations

import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3
import yaml

from eco2.prometheus import Prometheus
from lab.places import LabFolder
from observability.asked import asked, filled
from observability.files import DASHBOARD, ROUTE_WEIGHTS, RULES
from tests import state_metrics
from tests.conftest import ROOT
from tests.failing import CHAT, IMAGE, at, mend
from tests.traffic import HOST, Traffic
from tests.updates import until

pytestmark = [pytest.mark.lab, pytest.mark.rare]
SERVICES = ("chat-api",)
WINDOW_SECONDS = 20
"""In the place of the rules' 5 minutes, so that the test need not wait."""

RATE, BY_HEADER = 100, 2
"""Requests a second."""

WEIGHT = 0.2
QUICK = {"[5m]": f"[{WINDOW_SECONDS}s]", "6m": "25s", "for: 2m": "for: 2s", "interval: 30s": "interval: 1s"}
CHOSEN = {"service": "chat-api", "namespace": ".+", "__rate_interval": "15s"}
SELDOM = {"weight changed", "alert"}
"""What there is to see only where something has happened."""


def exporter(lab):
    """Stands in for kube-state-metrics."""
    config = yaml.safe_load((ROOT / ROUTE_WEIGHTS).read_text("utf-8"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            def listed(path):
                return lab.items(path).values()

            body = state_metrics.exposed(
                (
                    *state_metrics.custom_resources(
                        config, listed("/apis/networking.istio.io/v1/virtualservices")
                    ),
                    *state_metrics.deployments(listed("/apis/apps/v1/deployments")),
                    *state_metrics.pods(listed("/api/v1/pods")),
                )
            )
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def prometheus(lab, stack):
    """The lab's, with the rules and the exporter; chat-api is at phase 3, and people send requests."""
    at(stack, 3)
    folder = LabFolder(Path(lab.home) / lab.name)
    server = exporter(lab)
    rules = (ROOT / RULES).read_text("utf-8")
    for slow, quick in QUICK.items():
        assert slow in rules
        rules = rules.replace(slow, quick)
    (folder.root / "rules").mkdir(exist_ok=True)
    (folder.root / "rules/eco2.yaml").write_text(rules, "utf-8")
    file = folder.root / "prometheus.yaml"
    config = yaml.safe_load(file.read_text("utf-8"))
    config["global"]["external_labels"] = {"stack": "dev"}
    target = [{"targets": [f"127.0.0.1:{server.server_port}"]}]
    config["scrape_configs"].append(
        {
            "job_name": "kube-state-metrics",
            "honor_labels": True,
            "static_configs": target,
            # It lists three kinds of objects each time, on a busy machine.
            "scrape_interval": "2s",
            "scrape_timeout": "2s",
        }
    )
    file.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    url = lab.variables["ECO2_PROMETHEUS_URL"]
    told = urllib3.PoolManager().request("POST", f"{url}/-/reload")
    assert told.status == 200, told.data
    with (
        Traffic(lab, HOST, (CHAT,), rate=RATE),
        Traffic(lab, HOST, (CHAT,), rate=BY_HEADER, options=("--header",)),
    ):
        # Until a weight counts, and the window is full: 100 requests a second, of which 20 % are the canary's.
        full = f"eco2:canary_requests:expected5m > {0.8 * RATE * WINDOW_SECONDS * WEIGHT}"
        until(lambda: Prometheus(url).query(full), "the rules", 120)
        yield Prometheus(url)
    server.shutdown()


@cache
def questions():
    return asked(yaml.safe_load((ROOT / DASHBOARD).read_text("utf-8")))


def answers(prometheus, name, **chosen):
    return prometheus.query(filled(questions()[name], {**CHOSEN, **chosen}))


def firing(prometheus):
    found = prometheus.query('ALERTS{alertstate="firing"}')
    return {(labels["alertname"], labels["service"]) for labels, _ in found}


def test_every_question_of_the_dashboard_is_answered(prometheus):
    silent = [name for name in questions() if name not in SELDOM and not answers(prometheus, name)]
    assert silent == []
    for name in SELDOM:
        answers(prometheus, name)  # an error is raised


def test_the_answers_are_what_the_routes_and_the_load_make_them(prometheus):
    ((_, weight),) = answers(prometheus, "Weight")
    ((_, share),) = answers(prometheus, "Canary's share")
    assert weight == WEIGHT
    assert 0.15 < share < 0.3
    by_version = {
        labels["destination_version"]: rate for labels, rate in answers(prometheus, "Requests by version A")
    }
    assert by_version.keys() == {"v1", "v2"}
    assert sum(by_version.values()) == pytest.approx(RATE + BY_HEADER, rel=0.2)
    failed = {
        labels["destination_version"]: part
        for labels, part in answers(prometheus, "Failed share by version A")
    }
    assert failed == {"v1": 0, "v2": 0}
    slow = {labels["destination_version"]: ms for labels, ms in answers(prometheus, "p95 by version A")}
    assert all(0 < ms < 1000 for ms in slow.values())
    pods = {labels["deployment"]: number for labels, number in answers(prometheus, "Pods A")}
    assert pods.keys() == {"chat-api", "chat-api-canary"}
    assert min(pods.values()) >= 1


@pytest.mark.parametrize("name", ["Requests by version A", "Failed share by version A", "p95 by version A"])
def test_the_service_that_the_gateways_filter_calls_is_counted_by_its_own_pods(prometheus, name):
    (found,) = answers(prometheus, name, service="ext-authz")
    assert found[0]["destination_version"] == "v1"


def test_a_rollout_as_an_update_leaves_it_wakes_nobody(prometheus):
    assert prometheus.query("count(ALERTS)") == []
    found = {
        (labels["__name__"], labels["service"]): value
        for labels, value in prometheus.query('{__name__=~"eco2:canary_weight:.+"}')
    }
    assert found == {("eco2:canary_weight:min", "chat-api"): 20, ("eco2:canary_weight:max", "chat-api"): 20}


def test_a_canary_that_fails_now_and_then_is_sick(lab, prometheus):
    lab.command("behave", IMAGE, "--status", "500", "--share", "0.08")
    try:
        until(lambda: ("Eco2CanarySick", "chat-api") in firing(prometheus), "the alert", 3 * WINDOW_SECONDS)
        assert answers(prometheus, "alert")
        (alert,) = prometheus.query('ALERTS{alertname="Eco2CanarySick",alertstate="firing"}')
        assert alert[0]["severity"] == "critical"
        failed = {
            labels["destination_version"]: rate
            for labels, rate in answers(prometheus, "Failed requests by version A")
        }
        assert failed["v1"] == 0 < failed["v2"]
    finally:
        mend(lab)
    until(lambda: not firing(prometheus), "the end of the alert", 4 * WINDOW_SECONDS)


def test_a_canary_that_always_fails_falls_back(lab, prometheus):
    lab.command("behave", IMAGE, "--status", "500")
    try:
        until(
            lambda: ("Eco2CanaryFellBack", "chat-api") in firing(prometheus), "the alert", 3 * WINDOW_SECONDS
        )
    finally:
        mend(lab)
    # A pod that was left out comes back after 15 s and more.
    until(lambda: not firing(prometheus), "the end of the alert", 120)


def test_a_step_up_is_marked_and_wakes_nobody(stack, prometheus):
    at(stack, 4)
    until(lambda: answers(prometheus, "weight changed"), "the mark", 10)
    ends = time.monotonic() + 2 * WINDOW_SECONDS
    while time.monotonic() < ends:
        assert firing(prometheus) == set()
        time.sleep(1)
    ((_, weight),) = answers(prometheus, "Weight")
    assert weight == 0.5

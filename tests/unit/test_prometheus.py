"""The product's Prometheus client against a small server."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from eco2.prometheus import Prometheus, PrometheusError, Requests
from rollout.spec.files import read_catalog
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def services():
    catalog = read_catalog(ROOT / "services.yaml")
    return {name: catalog.services[name] for name in ("auth-api", "chat-api", "ext-authz", "my-worker")}


@pytest.fixture
def server():
    """Answers as `server.answer` says, and keeps what was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(parse_qs(urlsplit(self.path).query)["query"][0])
            status, body = self.server.answer(self.server.asked[-1])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_):
            pass

    opened = HTTPServer(("127.0.0.1", 0), Handler)
    opened.asked, opened.url = [], f"http://127.0.0.1:{opened.server_port}"
    threading.Thread(target=opened.serve_forever, daemon=True).start()
    yield opened
    opened.shutdown()
    opened.server_close()


def vector(*samples):
    return 200, {
        "status": "success",
        "data": {"result": [{"metric": labels, "value": [0, str(value)]} for labels, value in samples]},
    }


def sample(service, namespace, version, value):
    labels = {"destination_service_name": service, "destination_service_namespace": namespace}
    return {**labels, "destination_version": version}, value


def test_requests_are_counted_by_version_and_what_reached_no_pod_apart(server, services):
    server.answer = lambda asked: (
        vector(sample("auth-api", "auth", "v2", 2.2), sample("auth-api", "auth", "unknown", 7))
        if "5.." in asked
        else vector(
            sample("auth-api", "auth", "v1", 180.4),
            sample("auth-api", "auth", "v2", 20.1),
            sample("auth-api", "auth", "unknown", 7),
        )
    )
    found = Prometheus(server.url).requests({"auth-api": services["auth-api"]})["auth-api"]
    assert (found.count, found.lost) == (200, 7)
    assert found.canary_share() == pytest.approx(10.02, abs=0.01)
    assert found.failed_share("v2", enough=20) == pytest.approx(10.9, abs=0.1)
    assert found.failed_share("v2") is None
    assert found.failed_share("v1") == 0
    assert all('reporter="source"' in asked for asked in server.asked)


def test_each_kind_is_asked_of_who_knows(server, services):
    server.answer = lambda _: vector()
    found = Prometheus(server.url).requests(services)
    assert found.keys() == {"auth-api", "chat-api", "ext-authz"}
    assert len(server.asked) == 4
    assert sum('reporter="destination"' in asked and '"ext-authz"' in asked for asked in server.asked) == 2


def test_no_answer_and_no_traffic_are_not_healthy(server, services):
    server.answer = lambda _: vector(sample("auth-api", "auth", "v1", "NaN"))
    found = Prometheus(server.url).requests(services)["auth-api"]
    assert found == Requests({}, {})
    assert found.canary_share() is None
    assert found.failed_share("v2") is None


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((400, {"status": "error", "error": "parse error"}), "refused: parse error"),
        ((200, b"<html>"), "answers something else"),
        ((200, {"status": "success", "data": {}}), "answers something else"),
    ],
)
def test_answers_that_are_none_are_told_in_words(server, answer, told):
    server.answer = lambda _: answer
    with pytest.raises(PrometheusError, match=told):
        Prometheus(server.url).query("up")


def test_a_url_that_is_none_and_a_server_that_is_not_there():
    with pytest.raises(PrometheusError, match="is no URL"):
        Prometheus("prometheus:9090")
    with pytest.raises(PrometheusError, match="does not answer"):
        Prometheus("http://127.0.0.1:9").query("up")

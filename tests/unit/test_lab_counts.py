"""The lab's counters of a subset that holds both versions: each pod's own, and none is lost with its pod."""

from __future__ import annotations

from pathlib import Path

from lab.mesh import counts
from lab.mesh.counts import Pods

CLUSTER = "outbound|8000|canary-or-stable|chat-api.chat.svc.cluster.local"
ADMIN = Path("admin.sock")


def address(host):
    return {"socket_address": {"address": host, "port_value": 8000}}


def answers(monkeypatch, **hosts):
    """An Envoy with pods: their version, what they answered well, and what not."""
    pods = [
        {
            "endpoint": {"address": address(host)},
            "metadata": {
                "filter_metadata": {"istio": {"workload": f"chat-api;chat;chat-api;{version};Kubernetes"}}
            },
        }
        for host, (version, *_) in hosts.items()
    ]
    dump = {"configs": [{"endpoint_config": {"endpoints": [{"lb_endpoints": pods}]}}]}
    statuses = [
        {
            "address": address(host),
            "stats": [{"name": "rq_success", "value": str(well)}, {"name": "rq_error", "value": str(ill)}],
        }
        for host, (_, well, ill) in hosts.items()
    ]
    clusters = {"cluster_statuses": [{"name": CLUSTER, "host_statuses": statuses}, {"name": "xds-grpc"}]}
    told = {"/clusters?format=json": clusters}
    monkeypatch.setattr(counts, "_asked", lambda _, question: told.get(question, dump))


def by_version(found):
    return {
        (dict(labels)["destination_version"], dict(labels)["response_code"]): value
        for labels, value in found.items()
    }


def test_versions_come_from_the_workload_and_not_from_the_subset(monkeypatch):
    answers(monkeypatch, a=("v2", 7, 2), b=("v1", 5, 0))
    assert by_version(Pods().scrape(ADMIN)) == {
        ("v2", "200"): 7,
        ("v2", "500"): 2,
        ("v1", "200"): 5,
        ("v1", "500"): 0,
    }


def test_a_pod_that_goes_or_starts_anew_takes_nothing_away(monkeypatch):
    pods = Pods()
    answers(monkeypatch, a=("v2", 7, 0), b=("v1", 5, 0))
    pods.scrape(ADMIN)
    answers(monkeypatch, b=("v1", 6, 0))
    assert by_version(pods.scrape(ADMIN))["v2", "200"] == 7
    answers(monkeypatch, b=("v1", 1, 0), c=("v2", 3, 0))
    assert by_version(pods.scrape(ADMIN)) == {
        ("v2", "200"): 10,
        ("v2", "500"): 0,
        ("v1", "200"): 7,
        ("v1", "500"): 0,
    }
    assert by_version(pods.scrape(ADMIN))["v2", "200"] == 10

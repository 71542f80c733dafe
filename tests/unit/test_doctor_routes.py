"""The doctor and routes of others: Istio merges them with the program's, and no rollout moves them."""

from __future__ import annotations

import pytest

from eco2.doctor.routes import routes
from kube.cluster import NotServedError
from kube.kinds import path
from rollout.spec.files import read_catalog
from tests.conftest import ROOT

CATALOG = read_catalog(ROOT / "services.yaml")
HOST = "api.dev.growbin.app"
GATEWAY = ["istio-system/eco2-gateway"]


class Cluster:
    """A cluster with some VirtualServices and DestinationRules."""

    def __init__(self, virtual_services=(), destination_rules=()):
        self.lists = {
            path("VirtualService"): virtual_services,
            path("DestinationRule"): destination_rules,
        }

    def list(self, path):
        return self.lists[path]


def thing(name, namespace="default", **spec):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def at(uri, hosts=(HOST,), gateways=tuple(GATEWAY)):
    return {
        "hosts": list(hosts),
        "gateways": list(gateways),
        "http": [{"match": [{"uri": uri}]} if uri else {}],
    }


def told(*virtual_services, rules=()):
    return [
        (one.state, one.what) for one in routes(Cluster(virtual_services, rules), CATALOG, HOST, "eco2-dev")
    ]


OVERLAP = [
    at({"prefix": "/api/v1/auth"}),
    at({"prefix": "/api"}),
    at({"prefix": "/api/v1/auth/me"}),
    at({"exact": "/api/v1/auth/me"}),
    at({"regex": "/.*"}),
    at(None),
    at({"prefix": "/"}, hosts=["*.growbin.app"]),
    at({"prefix": "/"}, hosts=["*"]),
]


@pytest.mark.parametrize("spec", OVERLAP, ids=str)
def test_a_route_of_another_for_a_services_path_is_told_with_the_way_on(spec):
    (found,) = [
        one
        for one in routes(Cluster([thing("old", **spec)]), CATALOG, HOST, "eco2-dev")
        if " of auth-api," in one.what
    ]
    assert found.state == "warning"
    assert found.what.startswith("VirtualService default/old routes /api/v1/auth")
    assert "delete virtualservices.networking.istio.io old" in found.remedy


APART = [
    at({"prefix": "/web"}),
    at({"exact": "/api/v1"}),
    at({"prefix": "/api"}, hosts=["www.growbin.app"]),
    at({"prefix": "/api"}, gateways=["istio-system/other"]),
    at({"prefix": "/api"}, gateways=["eco2-gateway"]),
]


@pytest.mark.parametrize("spec", APART, ids=str)
def test_a_route_of_another_for_something_else_is_none_of_ours(spec):
    assert told(thing("web", **spec)) == [("fine", "none for these services")]


def test_a_gateway_without_a_namespace_is_that_of_the_object():
    assert (
        len(told(thing("x", "istio-system", **at({"prefix": "/api/v1/chat"}, gateways=["eco2-gateway"]))))
        == 1
    )
    assert (
        told(thing("x", "istio-system", **at({"prefix": "/api/v1/chat"}, gateways=["eco2-gateway"])))[0][0]
        == "warning"
    )


@pytest.mark.parametrize(
    ("namespace", "host"), [("x", "auth-api.auth.svc.cluster.local"), ("auth", "auth-api")]
)
def test_calls_inside_the_mesh_and_subsets_of_another_are_told(namespace, host):
    assert told(thing("old", namespace, hosts=[host])) == [
        (
            "warning",
            f"VirtualService {namespace}/old routes calls inside the mesh of auth-api, beside the program's own",
        )
    ]
    assert told(rules=[thing("old", namespace, host=host)]) == [
        (
            "warning",
            f"DestinationRule {namespace}/old sets subsets and limits of auth-api, beside the program's own",
        )
    ]


def test_the_programs_own_are_none_of_others(program):
    captured = program.run("dev")
    own = {"VirtualService": [], "DestinationRule": []}
    for one in captured.resources:
        if (kind := one.type.rsplit(":", 1)[1]) in own:
            own[kind].append({"metadata": one.inputs["metadata"], "spec": one.inputs["spec"]})
    assert len(own["VirtualService"]) == 16
    assert told(*own["VirtualService"], rules=own["DestinationRule"]) == [("fine", "none for these services")]


def test_without_istio_another_check_speaks():
    class Without(Cluster):
        def list(self, path):
            raise NotServedError(path)

    assert [one.state for one in routes(Without(), CATALOG, HOST, "c")] == ["fine"]

"""What is not found is not taken back: an API that is not served, an object that is not there."""

from __future__ import annotations

import json

import pytest

from eco2.abort.files import Place
from eco2.abort.proxies import why_it_is_not_known
from eco2.abort.routes import strike
from eco2.abort.stroke import say_what_moved
from kube.cluster import ClusterClient
from kube.errors import ClusterError, NotServedError

GROUP = "networking.istio.io"


class Server:
    """An API server with some objects by path; of `served`, the version that it prefers comes first."""

    def __init__(self, objects, served=("v1",)):
        self.objects, self.served, self.applied = objects, served, []

    def send(self, request):
        parts = request.path.split("/")
        # Another resource of the group has them all.
        versions = ("v1", *(one for one in self.served if one != "v1"))
        if request.path == f"/apis/{GROUP}" and self.served:
            return 200, json.dumps({"versions": [{"version": one} for one in versions]}).encode()
        if request.path in {f"/apis/{GROUP}/{one}" for one in versions}:
            here = ["virtualservices"] if parts[3] in self.served else []
            resources = [{"name": name} for name in ("sidecars", *here)]
            return 200, json.dumps({"resources": resources}).encode()
        if parts[1] == "apis" and (parts[2] != GROUP or len(parts) < 4 or parts[3] not in self.served):
            return 404, b"404 page not found\n"
        if request.method == "PATCH":
            self.applied.append(request.path)
            self.objects[request.path] = request.body
            return 200, json.dumps(request.body).encode()
        if request.path in self.objects:
            return 200, json.dumps(self.objects[request.path]).encode()
        missing = {"reason": "NotFound", "details": {"name": parts[-1]}, "code": 404}
        return 404, json.dumps(missing).encode()


def cluster_of(monkeypatch, server):
    monkeypatch.setattr("kube.cluster.connect", lambda _: server)
    return ClusterClient("eco2-test")


def route(name, version="v1"):
    rule = {
        "route": [
            {"destination": {"host": "x", "subset": "stable"}, "weight": 80},
            {"destination": {"host": "x", "subset": "canary"}, "weight": 20},
        ]
    }
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "auth"},
        "spec": {"http": [rule]},
    }


def routes(version="v1"):
    base = f"/apis/{GROUP}/{version}/namespaces/auth/virtualservices"
    return {f"{base}/{name}": route(name, version) for name in ("auth-api", "auth-api-mesh")}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
@pytest.mark.parametrize("kind", ["api", ""])
def test_routes_are_taken_back_in_the_version_that_is_served(monkeypatch, version, kind):
    server = Server(routes(version), (version,))
    cluster = cluster_of(monkeypatch, server)
    (stroke,) = strike(cluster, {"auth-api": Place(kind, "auth")}, ["auth-api"])
    assert not stroke.failure
    assert len(stroke.moved) == 2
    assert sorted(server.applied) == sorted(server.objects)
    # An istiod that reads v1 hears nothing of it, and the abort claims no traffic.
    unknown, said = why_it_is_not_known(cluster), []
    assert (f"serves VirtualServices by {version} and not by v1" in unknown) == (version != "v1")
    say_what_moved([stroke], 0.0, unknown, said.append)
    assert ("all traffic to stable" in said[0]) == (version == "v1")
    assert said[1:] == [unknown] * bool(unknown)


def test_an_api_that_is_not_served_is_a_failure(monkeypatch):
    cluster = cluster_of(monkeypatch, Server({}, ()))
    (stroke,) = strike(cluster, {"auth-api": Place("api", "auth")}, ["auth-api"])
    assert GROUP in stroke.failure
    assert "right cluster" in stroke.failure
    with pytest.raises(NotServedError):
        cluster.list(f"/apis/{GROUP}/v1/virtualservices")


def test_a_server_that_answers_404_to_everything_is_a_failure(monkeypatch):
    class Wrong(Server):
        def send(self, request):
            return 404, b'{"kind":"Status","status":"Failure","reason":"NotFound","code":404}'

    cluster = cluster_of(monkeypatch, Wrong({}))
    places = {"auth-api": Place("api", "auth"), "ext-authz": Place("grpc", "auth")}
    assert all(stroke.failure for stroke in strike(cluster, places, places))


def test_routes_that_are_not_there_are_named(monkeypatch):
    cluster = cluster_of(monkeypatch, Server({}))
    (stroke,) = strike(cluster, {"auth-api": Place("api", "elsewhere")}, ["auth-api"])
    assert stroke.lost
    assert stroke.missing == (
        "VirtualService elsewhere/auth-api",
        "VirtualService elsewhere/auth-api-mesh",
    )


def test_one_of_two_routes_is_taken_back_and_the_other_named(monkeypatch):
    objects = routes()
    objects.pop(next(path for path in objects if path.endswith("-mesh")))
    server = Server(objects)
    (stroke,) = strike(cluster_of(monkeypatch, server), {"auth-api": Place("api", "auth")}, ["auth-api"])
    assert not stroke.lost
    assert (len(stroke.moved), stroke.missing) == (1, ("VirtualService auth/auth-api-mesh",))


def test_a_namespace_that_is_not_known_is_a_failure(monkeypatch):
    cluster = cluster_of(monkeypatch, Server(routes()))
    (stroke,) = strike(cluster, {"auth-api": Place("api", "")}, ["auth-api"])
    assert "--namespace" in stroke.failure


def test_a_route_that_goes_while_it_is_written_is_no_success(monkeypatch):
    class Gone(Server):
        def send(self, request):
            if request.method == "PATCH":
                return 404, b'{"reason":"NotFound","details":{"name":"auth"},"code":404}'
            return super().send(request)

    cluster = cluster_of(monkeypatch, Gone(routes()))
    with pytest.raises(ClusterError, match="namespace is gone"):
        cluster.apply(route("auth-api"), "eco2")

"""What the state knows and the cluster does not, and what of it an abort lets the state forget."""

from __future__ import annotations

import json

import pytest

from eco2.abort import lost, reconcile
from eco2.abort.files import Place
from eco2.abort.reconcile import SecondStroke
from eco2.abort.request import AbortRequest
from eco2.stack.missing import gone, known, to_forget, words
from kube.errors import ClusterError, NotServedError
from rollout.diff.objects import Object
from tests.api_server import ApiServer

PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/my/deployments/",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/my/horizontalpodautoscalers/",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/my/virtualservices/",
}


def urn(kind, name):
    return f"urn:pulumi:dev::eco2::eco2:service:CanaryService$kubernetes:x/v1:{kind}::{name}"


def located(kind, name):
    return Object(urn(kind, name), "", {"metadata": {"name": name, "namespace": "my"}})


TARGETS = [
    "urn:pulumi:dev::eco2::eco2:service:CanaryService::my-api",
    urn("Deployment", "my-api"),
    urn("Deployment", "my-api-canary"),
    urn("HorizontalPodAutoscaler", "my-api"),
    urn("VirtualService", "my-api"),
    urn("VirtualService", "my-api-mesh"),
]


class Holding:
    """A cluster with some objects."""

    def __init__(self, *there, error=None):
        self.there, self.error = {f"{PATHS[kind]}{name}" for kind, name in there}, error

    def get(self, path):
        if self.error:
            raise self.error
        return {} if path in self.there else None


STABLE = [("Deployment", "my-api"), ("VirtualService", "my-api")]


def test_an_abort_lets_the_state_forget_what_is_gone_and_no_canary():
    found = to_forget(Holding(*STABLE), TARGETS, {"my-api": "my"})
    assert [one.full_name for one in found] == [
        "HorizontalPodAutoscaler my/my-api",
        "VirtualService my/my-api-mesh",
    ]


def test_a_cluster_in_which_nothing_of_a_service_is_there_is_another_one():
    assert to_forget(Holding(), TARGETS, {"my-api": "my"}) == []


def test_an_api_that_is_not_served_tells_of_no_deletion():
    assert gone(Holding(error=NotServedError("no KEDA")), [located("ScaledObject", "a")]) == []


def test_what_is_no_object_of_a_namespace_is_not_looked_for():
    meta = {"name": "my-api", "namespace": "my"}
    kind = "kubernetes:x/v1:Deployment"
    own = urn("Deployment", "my-api")
    made = {"type": kind, "urn": own, "id": "my/my-api", "inputs": {"metadata": meta}}
    never_made = {**made, "id": ""}
    space = {
        "type": "kubernetes:core/v1:Namespace",
        "urn": urn("Namespace", "my"),
        "id": "my",
        "inputs": {"metadata": {"name": "my"}},
    }
    component = {"type": "eco2:service:CanaryService", "urn": TARGETS[0], "id": ""}
    assert known([made, never_made, space, component]) == [located("Deployment", "my-api")]


@pytest.fixture
def stroke(monkeypatch, tmp_path):
    """The update of an abort in some cluster; what it said, and the commands that it ran."""

    def run(cluster):
        said, ran = [], []

        def up(*told, variables, **_):
            ran.append(
                ["up", *told[2:], *(f"{name} {one.partition(':')[2]}" for name, one in variables.items())]
            )

        monkeypatch.setattr(reconcile, "update", up)
        monkeypatch.setattr(lost, "pulumi", lambda *told, **_: ran.append(list(told[2:])))
        asked = AbortRequest(tmp_path, "dev", ("my-api",))
        stroke = SecondStroke(asked, cluster, {"my-api": Place("api", "my")}, said.append)
        stroke._run(TARGETS, {}, ["my-api"])
        return said, ran

    return run


def test_what_is_gone_is_forgotten_before_the_update_that_makes_it_anew(stroke):
    said, (refresh, up) = stroke(Holding(*STABLE, ("HorizontalPodAutoscaler", "my-api")))
    assert said == ["VirtualService my/my-api-mesh was deleted by somebody, and is made anew"]
    assert refresh == ["refresh", "--yes", "--skip-preview", "--target", TARGETS[-1]]
    assert up[0] == "up"
    # A pattern need not match: see `targets_without`.
    pattern = TARGETS[-1].replace("urn:pulumi:", "urn:*:")
    assert [one for one in up if one.startswith("urn:")] == [*TARGETS[:-1], pattern]
    assert not [one for one in up if one.startswith("ECO2_")]


def test_the_program_is_told_of_an_autoscaler_that_is_gone(stroke):
    """In the state it does not differ from one that waits in the checkout."""
    _, (_, up) = stroke(Holding(*STABLE, ("VirtualService", "my-api-mesh")))
    assert up[-1] == "ECO2_ANEW HorizontalPodAutoscaler/my-api"


def test_an_abort_goes_on_where_it_cannot_look(stroke):
    said, ran = stroke(Holding(error=ClusterError("no right")))
    assert said == ["whether somebody deleted something is not known: no right"]
    assert [one[0] for one in ran] == ["up"]


def test_an_update_that_failed_names_what_is_gone_and_the_way_on(desk, tmp_path, monkeypatch):
    desk.left()
    (desk.folder / "code").write_text("3")
    state = json.loads((desk.folder / "state.json").read_text())
    meta = {"name": "my-api", "namespace": "my"}
    state["deployment"]["resources"] += [
        {
            "type": "kubernetes:x/v1:" + kind,
            "urn": urn(kind, "my-api"),
            "id": "x",
            "inputs": {"metadata": meta},
        }
        for kind, _ in STABLE
    ]
    (desk.folder / "state.json").write_text(json.dumps(state))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as cluster:
        for kind in ("deployments", "replicasets"):
            cluster.objects[f"/apis/apps/v1/{kind}"] = {"items": []}
        cluster.objects["/api/v1/pods"] = {"items": []}
        cluster.objects[f"{PATHS['Deployment']}my-api"] = {"metadata": meta}
        told = desk.run("advance", "auth-api", "--yes").stderr
    found = [located("VirtualService", "my-api")]
    assert f"\n  {words(found, 'dev')}\n" in told
    assert "pulumi up --refresh --run-program --stack dev" in told

"""A frozen autoscaler has a tolerance where the cluster keeps it, and where it does not, none."""

from __future__ import annotations

import copy

import pytest

from components import stack
from components.tolerance import Tolerance
from eco2.doctor.autoscalers import autoscalers
from kube.errors import ClusterError
from kube.kinds import path
from kube.tolerance import AUTOSCALER, SCALED_OBJECTS, TO_TOLERANCE, keeps_tolerance
from rollout.plan.frozen import frozen
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.unit.conftest import objects

HPA, KEDA = "HorizontalPodAutoscaler", "ScaledObject"


def keda_schema(*, knows):
    place = {"type": "string"} if knows else {}
    for key in reversed(TO_TOLERANCE if knows else TO_TOLERANCE[:-1]):
        place = {"properties": {key: place}}
    return {"components": {"schemas": {"sh.keda.v1alpha1.ScaledObject": place}}}


class Server:
    """An API server: of Kubernetes that keeps the field or drops it, and of a KEDA that knows it or does not."""

    def __init__(self, *, keeps=True, keda_knows=True, error=None):
        self.keeps, self.error, self.asked, self.without = keeps, error, [], ()
        self.schema = keda_schema(knows=keda_knows)

    def get(self, path):
        assert path == SCALED_OBJECTS
        return self.schema

    def tried(self, path, document):
        self.asked.append(path)
        if self.error:
            raise self.error
        if path in self.without:
            return {}
        stored = copy.deepcopy(document)
        if not self.keeps:
            del stored["spec"]["behavior"]["scaleDown"]["tolerance"]
        return stored


def state(kind, spec, name="auth-api"):
    token = {HPA: "kubernetes:autoscaling/v2", KEDA: "kubernetes:keda.sh/v1alpha1"}[kind] + f":{kind}"
    urn = f"urn:pulumi:dev::eco2::eco2:service:CanaryService${token}::{name}"
    return {urn: {"type": token, "outputs": {"spec": spec}}}


def behaving(**scale_down):
    return {"behavior": {"scaleDown": scale_down}}


@pytest.mark.parametrize(
    ("kind", "keeps", "keda_knows", "answer"),
    [
        (HPA, True, False, True),
        (HPA, False, True, False),
        (KEDA, True, True, True),
        (KEDA, True, False, False),
        # KEDA would hand it on to a server that drops it.
        (KEDA, False, True, False),
    ],
)
def test_a_cluster_is_asked_by_what_it_would_store(kind, keeps, keda_knows, answer):
    assert keeps_tolerance(Server(keeps=keeps, keda_knows=keda_knows), kind, "auth") is answer


def test_a_server_that_knows_no_scaled_object_keeps_none_of_its_tolerance():
    server = Server()
    server.schema = None
    assert keeps_tolerance(server, KEDA, "scan") is False


@pytest.fixture
def server(monkeypatch):
    """The server that a program asks."""
    made = Server()
    monkeypatch.setattr(stack, "cluster_to_ask", lambda _: lambda: made)
    return made


def test_a_server_is_asked_once_a_kind_and_not_before_an_autoscaler_freezes(server):
    decides = Tolerance({}, lambda: server)
    assert server.asked == []
    assert decides.of(HPA, "auth-api", "auth")
    assert decides.of(HPA, "my-api", "my")
    assert server.asked == [path(AUTOSCALER, "auth")]


def test_before_its_namespace_is_there_another_one_tells(server):
    server.without = [path(AUTOSCALER, "auth")]
    assert Tolerance({}, lambda: server).of(HPA, "auth-api", "auth")
    assert server.asked == [path(AUTOSCALER, "auth"), path(AUTOSCALER, "default")]


@pytest.mark.parametrize("has_one", [True, False])
def test_one_that_is_frozen_stays_as_it_is_whatever_a_server_would_say(server, has_one):
    server.keeps, server.error = not has_one, ClusterError("does not answer")
    assert Tolerance({(HPA, "auth-api"): has_one}, lambda: server).of(HPA, "auth-api", "auth") is has_one
    assert server.asked == []


def test_without_an_answer_none_is_declared_and_the_update_goes_on(server):
    server.error = ClusterError("the cluster of context there does not answer")
    assert Tolerance({}, lambda: server).of(HPA, "auth-api", "auth") is False


def test_without_a_cluster_none_is_declared_and_nobody_is_asked(server):
    assert Tolerance({}, None).of(HPA, "auth-api", "auth") is False
    assert server.asked == []


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        (HPA, behaving(selectPolicy="Disabled", tolerance="1"), {(HPA, "auth-api"): True}),
        (HPA, behaving(selectPolicy="Disabled"), {(HPA, "auth-api"): False}),
        (HPA, behaving(selectPolicy="Max"), {}),
        (HPA, {}, {}),
        (HPA, None, {}),
        (
            KEDA,
            {"advanced": {"horizontalPodAutoscalerConfig": behaving(selectPolicy="Disabled", tolerance="1")}},
            {(KEDA, "auth-api"): True},
        ),
        (KEDA, {"advanced": None}, {}),
    ],
)
def test_the_state_tells_which_are_frozen_and_what_the_server_kept(kind, spec, expected):
    assert frozen(state(kind, spec)) == expected


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize(("kind", "service"), [(HPA, "auth-api"), (KEDA, "scan-worker")])
def test_the_program_declares_it_where_the_cluster_keeps_it(program, server, keeps, kind, service):
    server.keeps = keeps
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {service: {"phase": 2}}})
    spec = objects(program.run(), kind)[service].inputs["spec"]
    if kind == KEDA:
        spec = spec["advanced"]["horizontalPodAutoscalerConfig"]
    rules = spec["behavior"]["scaleDown"]
    assert (rules["selectPolicy"], rules.get("tolerance")) == ("Disabled", "1" if keeps else None)


def test_a_program_in_which_everything_goes_back_asks_no_server(program, server):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"auth-api": {"phase": 0}}})
    program.run()
    assert server.asked == []


def test_the_doctor_tells_both_kinds_apart():
    catalog = read_catalog(ROOT / "services.yaml")
    told = autoscalers(Server(keda_knows=False), catalog)
    assert [one.state for one in told] == ["fine", "warning"]
    assert "a KEDA whose definitions know the field" in told[1].remedy

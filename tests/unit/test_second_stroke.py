"""What an abort's update is limited to, and what it says while it waits."""

from __future__ import annotations

import json
import time

import pytest

from components.held import WHOLE
from eco2.abort import reconcile as second_stroke
from eco2.abort.files import Place
from eco2.abort.reconcile import SecondStroke
from eco2.abort.request import AbortRequest
from eco2.abort.state import refusals, waiting_steps
from eco2.abort.targets import in_flight, targets
from eco2.stack.cli import about
from eco2.terminal import progress as telling
from kube.errors import NotServedError
from rollout.spec.image import REVISION_ANNOTATION, Image
from tests.unit.priors import entry
from tests.unit.priors import prior as made

pytestmark = pytest.mark.whole

COMPONENT = "eco2:service:CanaryService"


def urn(types, name):
    return f"urn:pulumi:dev::eco2::{types}::{name}"


def component(name):
    return {"type": COMPONENT, "urn": urn(COMPONENT, name)}


def owned(service, kind, name, image="", revision=None):
    types = f"kubernetes:{'apps' if kind == 'Deployment' else 'x'}/v1:{kind}"
    annotations = {REVISION_ANNOTATION: revision} if revision else {}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"image": image}]}}
    inputs = {"spec": {"template": template}} if image else {}
    parent = urn(COMPONENT, service)
    return {"type": types, "urn": urn(f"{COMPONENT}${types}", name), "parent": parent, "inputs": inputs}


def api(name, image="stable", revision=None):
    kinds = ("Service", "DestinationRule", "PodDisruptionBudget", "HorizontalPodAutoscaler", "VirtualService")
    return [
        component(name),
        owned(name, "Deployment", name, image, revision),
        owned(name, "Deployment", f"{name}-canary", "canary"),
        owned(name, "HorizontalPodAutoscaler", f"{name}-canary"),
        owned(name, "VirtualService", f"{name}-mesh"),
        *(owned(name, kind, name) for kind in kinds),
    ]


def short(urns):
    return sorted(f"{one.rsplit(':', 3)[-3]} {one.rsplit('::', 1)[1]}" for one in urns)


LEFT = {"my-api": made(3, 20, Image("stable"), Image("canary"))}


def test_an_abort_is_about_all_of_its_services_and_no_companion():
    beside = owned("my-api", "Deployment", "my-api-beat")
    resources = [*api("my-api"), beside, *api("auth-api"), {"type": "x:y:Namespace", "urn": "x::my"}]
    told = short(targets(resources, ["my-api"]))
    assert told == short(one["urn"] for one in api("my-api"))
    assert "VirtualService my-api-mesh" in told


@pytest.mark.parametrize(("image", "named"), [("stable", False), ("canary", True), ("", False)])
def test_a_companion_goes_back_where_a_promotion_that_failed_has_changed_it(image, named):
    beside = [
        owned("my-api", kind, "my-grpc", image if kind == "Deployment" else "")
        for kind in ("Deployment", "Service")
    ]
    told = short(targets([*api("my-api"), *beside], ["my-api"], LEFT, ["my-grpc"]))
    assert ("Deployment my-grpc" in told) is named
    # Where its pods did not get ready, the state has the inputs of before.
    beside[0]["inputs"], beside[0]["outputs"] = {}, beside[0]["inputs"]
    told = short(targets([*api("my-api"), *beside], ["my-api"], LEFT, ["my-grpc"]))
    assert ("Deployment my-grpc" in told) is named
    assert "Service my-grpc" not in told
    # Of one that the checkout does not know, the Deployment would be deleted.
    assert "Deployment my-grpc" not in short(targets([*api("my-api"), *beside], ["my-api"], LEFT))


@pytest.mark.parametrize(
    ("resources", "last", "expected"),
    [
        ([component("my-api")], {}, set()),
        ([component("my-api")], LEFT, {"my-api"}),
        # An update that failed on the way up has left no outputs.
        (api("my-api"), {}, {"my-api"}),
        (api("my-api"), {"my-api": made(0, 0, Image("stable"), None)}, {"my-api"}),
    ],
)
def test_whatever_has_left_a_canary_is_in_flight(resources, last, expected):
    assert in_flight(resources, last) == expected


def test_what_waits_is_told_by_kind_and_name():
    steps = [
        {"op": "update", "urn": "urn:pulumi:dev::eco2::a$kubernetes:apps/v1:Deployment::auth-api"},
        {"op": "same", "urn": "urn:pulumi:dev::eco2::kubernetes:core/v1:Service::auth-api"},
        {"op": "update", "urn": "urn:pulumi:dev::eco2::pulumi:pulumi:Stack::eco2-dev"},
    ]
    text = json.dumps({"steps": steps})
    assert waiting_steps(f"warning: old\n{text}") == ["update Deployment auth-api"]


@pytest.mark.parametrize(
    ("preview", "expected"),
    [
        (
            [
                ("warning: old plugin\n", "warning"),
                ("error: 1 problem, nothing was changed:\n\n", "info#err"),
                ("  services.yaml: services.auth-api: rule 18\n\n", "info#err"),
            ],
            ["services.yaml: services.auth-api: rule 18"],
        ),
        ([("error: 2 problems:\n  a: b\n  c: d\n", "error")], ["a: b", "c: d"]),
        ([("warning: x\n  y", "warning")], []),
        ([], []),
    ],
)
def test_what_the_program_refuses_of_a_checkout_is_told(preview, expected):
    told = {"diagnostics": [{"message": message, "severity": severity} for message, severity in preview]}
    assert refusals(f"warning: old\n{json.dumps(told)}") == expected


@pytest.mark.parametrize("output", ["", "{", "{}", "[]", '{"diagnostics": [1]}', '{"diagnostics": [{}]}'])
def test_what_is_no_preview_tells_nothing(output):
    assert refusals(output) == []


class Holding:
    """A cluster in which objects of a canary do not go."""

    def __init__(self, *plurals, deleted=True):
        self.plurals, self.deleted = plurals, deleted

    def get(self, path):
        *_, namespace, plural, name = path.split("/")
        assert (namespace, name) == ("auth", "auth-api-canary")
        if plural == "scaledobjects" and plural not in self.plurals:
            raise NotServedError("no KEDA")
        if plural not in self.plurals:
            return None
        gone = {"deletionTimestamp": "2026-01-01T10:00:00Z"} if self.deleted else {}
        return {"metadata": {"finalizers": ["example.org/backup"], **gone}}


@pytest.fixture
def told_while_it_waits(monkeypatch, tmp_path):
    monkeypatch.setattr(telling, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(second_stroke, "update", lambda *_, **__: time.sleep(0.3))

    def run(cluster):
        told = []
        asked = AbortRequest(tmp_path, "dev", ("auth-api",))
        SecondStroke(asked, cluster, {"auth-api": Place("api", "auth")}, told.append)._run(
            [], {}, ["auth-api"]
        )
        said = len(told)
        time.sleep(0.15)
        assert len(told) == said
        return told

    return run


@pytest.mark.parametrize("plural", ["deployments", "scaledobjects", "poddisruptionbudgets"])
def test_what_does_not_go_is_told_with_its_finalizers_and_the_way_on(told_while_it_waits, plural):
    told = told_while_it_waits(Holding(plural))
    assert f"for {plural}/auth-api-canary to go" in told[0]
    assert "its finalizers hold: example.org/backup; for 10 min at the most" in told[0]
    assert f"kubectl --namespace auth patch {plural} auth-api-canary" in told[0]


def test_a_finalizer_of_what_stays_is_nobodys_business(told_while_it_waits):
    assert told_while_it_waits(Holding("deployments", deleted=False)) == []
    assert told_while_it_waits(Holding()) == []


NAMES = ("auth-api", "ext-authz", "scan-worker", "sse-gateway")


def test_what_is_held_is_neither_canary_nor_route(program, monkeypatch):
    for variable, value in about(NAMES, NAMES).items():
        monkeypatch.setenv(variable, value)
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {name: {"phase": 2} for name in NAMES}})
    left = {
        "rollouts": {
            name: entry(
                1, 0, f"docker.io/mng990/eco2:{name}-dev-latest", f"docker.io/mng990/eco2:{name}-dev-canary"
            )
            for name in NAMES
        }
    }
    registered = [one for one in program.run(outputs=left).resources if one.type.startswith("kubernetes:")]
    kept = {
        f"{one.type.rsplit(':', 1)[1]} {one.name}"
        for one in registered
        if set(WHOLE) <= set(one.options.get("ignoreChanges", ()))
    }
    named = {f"{one.type.rsplit(':', 1)[1]} {one.name}" for one in registered}
    for name in NAMES:
        assert f"Deployment {name}" in kept
        assert f"PodDisruptionBudget {name}" in kept
        # Frozen while a canary has weight, it may shrink again.
        assert not {f"HorizontalPodAutoscaler {name}", f"ScaledObject {name}"} & kept
        assert not {f"VirtualService {name}", f"VirtualService {name}-mesh"} & kept
    assert "Service auth-api" in kept
    assert "Service ext-authz" not in kept
    assert not [one for one in kept if one.endswith("-canary")]
    assert {"Deployment auth-api-canary", "Service ext-authz-canary"} <= named


def test_an_update_of_everything_holds_nothing(program):
    registered = program.run(outputs={}).resources
    assert not [one.name for one in registered if "spec" in one.options.get("ignoreChanges", ())]

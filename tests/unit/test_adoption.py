"""An adoption takes over by force what another tool has made, and no other update does."""

from __future__ import annotations

import os

import pytest

from components.adoption import without
from eco2.update import adoption
from rollout.plan.prior import ADOPTING_VARIABLE, ONLY_VARIABLE
from rollout.spec.files import read_catalog
from tests.conftest import ROOT

FORCE = "pulumi.com/patchForce"
LEADING = {"DestinationRule", "Service", "VirtualService"}
ONLY = f"{os.getpid()}:auth-api,my-api,scan-worker"


def kind(registration):
    return registration.type.rsplit(":", 1)[1]


def objects(captured):
    """What is declared in the cluster; the provider is not."""
    return [one for one in captured.resources if one.type.startswith("kubernetes:")]


def forced(captured):
    annotations = [(one, one.inputs["metadata"].get("annotations", {})) for one in objects(captured)]
    return [one for one, found in annotations if found.get(FORCE) == "true"]


@pytest.fixture
def adopting(monkeypatch):
    monkeypatch.setenv(ONLY_VARIABLE, ONLY)
    monkeypatch.setenv(ADOPTING_VARIABLE, ONLY)


@pytest.mark.usefixtures("adopting")
def test_an_adoption_forces_the_values_of_every_object(program):
    captured = program.run(outputs={})
    kinds = {kind(one) for one in objects(captured)}
    others = {"Deployment", "HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget", "Namespace"}
    assert kinds == LEADING | others
    assert forced(captured) == objects(captured)
    provider = next(one for one in captured.resources if one.type == "pulumi:providers:kubernetes")
    assert "enablePatchForce" not in provider.inputs


def test_the_next_update_forces_only_what_leads_traffic(program):
    captured = program.run(outputs={})
    assert {kind(one) for one in forced(captured)} == LEADING


@pytest.mark.parametrize("left", ["true", "1:auth-api", "{only},chat-api"])
def test_a_variable_that_an_adoption_left_behind_means_nothing(program, monkeypatch, left):
    monkeypatch.setenv(ADOPTING_VARIABLE, left.format(only=ONLY))
    assert {kind(one) for one in forced(program.run(outputs={}))} == LEADING
    monkeypatch.setenv(ONLY_VARIABLE, ONLY)  # another update of single services, such as an abort's
    assert {kind(one) for one in forced(program.run(outputs={}))} == LEADING


@pytest.mark.usefixtures("adopting")
def test_an_adoption_leaves_the_number_of_pods_to_the_autoscaler(program):
    captured = program.run(outputs={})
    deployments = {one.name: one.inputs["spec"] for one in objects(captured) if kind(one) == "Deployment"}
    scaled = {
        one.name for one in objects(captured) if kind(one) in ("HorizontalPodAutoscaler", "ScaledObject")
    }
    assert scaled
    assert {name for name, spec in deployments.items() if "replicas" not in spec} == scaled


def test_what_is_left_out_is_left_out_of_a_copy():
    spec = {"replicas": 3, "template": {"spec": {"containers": []}}}
    assert without(spec, ("spec.replicas", "spec.template.spec.containers", "spec.none.of.this")) == {
        "template": {"spec": {}}
    }
    assert spec["replicas"] == 3
    assert without(spec, ()) == spec


def test_the_command_tells_the_program_in_preview_and_update(monkeypatch):
    told = {}

    def pulumi(_project, _stack, command, *_options, variables=None):
        told[command] = variables
        return "{}"

    def update(_project, _stack, *_options, variables):
        told["up"] = variables

    monkeypatch.setattr(adoption, "pulumi", pulumi)
    monkeypatch.setattr(adoption, "update", update)
    monkeypatch.setattr(adoption, "exported", lambda *_: [])
    assert adoption.adopt(ROOT, "dev", ["auth-api"], lambda _: True)
    expected = f"{os.getpid()}:auth-api"
    assert told["preview"] == told["up"] == {ONLY_VARIABLE: expected, ADOPTING_VARIABLE: expected}


def urns(program, *kinds, **names):
    """The URNs of what a program run declares, of some kinds and, of these, of some names."""
    found = []
    for one in program.run(outputs={}).resources:
        kind = one.type.rsplit(":", 1)[1]
        if kind in kinds and (kind not in names or one.name in names[kind]):
            found.append(f"urn:pulumi:dev::eco2::x${one.type}::{one.name}")
    return found


@pytest.mark.parametrize(
    ("kinds", "names", "patterns"),
    [
        ((), {}, adoption.GROUND),
        # Nodes were refused in the first adoption, which declared its service all the same.
        (("Namespace", "CanaryService", "VirtualService"), {}, adoption.GROUND),
        (("Namespace", "Deployment", "NodeGroup"), {}, ()),
        (
            ("Namespace", "Deployment", "NodeGroup"),
            {"NodeGroup": ("my",), "Namespace": ("my",)},
            (
                "**::eco2:nodes:DomainNodeGroup::auth",
                "**::eco2:nodes:DomainNodeGroup$**::auth",
                "**:Namespace::auth",
            ),
        ),
    ],
)
def test_what_a_service_stands_on_is_a_target_where_the_state_lacks_it(program, kinds, names, patterns):
    service = read_catalog(ROOT / "services.yaml").services["auth-api"]
    assert tuple(adoption.ground(service, urns(program, *kinds, **names))) == tuple(patterns)

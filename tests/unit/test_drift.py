"""Where the cluster is not what the last update left, a status says so, and names what brings it back."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime

import pytest

from eco2.status.live import Objects, read_live
from eco2.status.snapshot import Snapshot, Status, Step
from eco2.status.words import remedies
from kube.kinds import OF_A_SERVICE, path
from rollout.diff.drift import drift
from rollout.diff.objects import of_state
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from tests.api_server import ApiServer
from tests.conftest import ROOT
from tests.unit.kubernetes_objects import deployment, virtual_service

REFRESH = "pulumi up --refresh --run-program --stack dev"
SERVICE = read_catalog(ROOT / "services.yaml").services["auth-api"]
IMAGE = "docker.io/mng990/eco2:a"
CONTAINER = {
    "name": "auth-api",
    "image": IMAGE,
    "env": [{"name": "MODE", "value": "hush"}],
    "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}},
}
TYPES = {
    "Deployment": "apps/v1",
    "DestinationRule": "networking.istio.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "Service": "core/v1",
    "VirtualService": "networking.istio.io/v1",
}
SPECS = {
    "Deployment": {"replicas": 2, "template": {"metadata": {}, "spec": {"containers": [CONTAINER]}}},
    "DestinationRule": {
        "host": "auth-api.auth.svc.cluster.local",
        "subsets": [
            {"name": "stable", "labels": {"version": "v1"}},
            {"name": "canary", "labels": {"version": "v2"}},
        ],
    },
    "HorizontalPodAutoscaler": {"minReplicas": 1, "maxReplicas": 3, "behavior": {}},
    "PodDisruptionBudget": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
    "ScaledObject": {"maxReplicaCount": 3},
    "Service": {"selector": {"app": "auth-api"}, "ports": [{"name": "http", "port": 8000}]},
    "VirtualService": virtual_service("auth-api", 20)["spec"],
}


def resource(kind, name="auth-api", spec=None, **more):
    parent = "urn:pulumi:dev::eco2::eco2:service:CanaryService::auth-api"
    token = f"kubernetes:{TYPES[kind]}:{kind}"
    return {
        "urn": f"urn:pulumi:dev::eco2::eco2:service:CanaryService${token}::{name}",
        "type": token,
        "parent": parent,
        "inputs": {"metadata": {"name": name, "namespace": "auth"}, "spec": spec or SPECS[kind]},
        **more,
    }


def live(kind, name="auth-api", change=lambda spec: None):
    spec = copy.deepcopy(SPECS[kind])
    change(spec)
    return {(kind, "auth", name): {"metadata": {}, "spec": spec}}


def told(kind, there, **more):
    return [str(one) for one in drift(of_state([resource(kind, **more)]), there)]


@pytest.mark.parametrize("kind", SPECS)
def test_an_object_that_is_missing_is_named_and_one_that_is_there_is_not(kind):
    assert kind in OF_A_SERVICE
    assert told(kind, {}) == [f"no {kind} auth-api"]
    assert told(kind, live(kind)) == []


def put(*keys):
    """Sets the last of some values at the path that the others are."""
    *path, last, value = keys

    def change(spec):
        for key in path:
            spec = spec[key]
        spec[last] = value

    return change


POD = ("template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("HorizontalPodAutoscaler", put("maxReplicas", 9), "maxReplicas 3 → 9"),
        ("PodDisruptionBudget", lambda spec: spec.pop("maxUnavailable"), "maxUnavailable is gone"),
        ("Service", put("ports", 0, "port", 80), "ports[http].port 8000 → 80"),
        ("DestinationRule", lambda spec: spec["subsets"].pop(), "subsets[canary] is gone"),
        ("DestinationRule", put("subsets", 0, "labels", "version", "v9"), "labels.version v1 → v9"),
        ("ScaledObject", put("maxReplicaCount", 0), "maxReplicaCount 3 → 0"),
        ("VirtualService", put("hosts", ["other"]), None),  # nothing that the program writes here
        ("Deployment", put(*POD, "resources", "requests", "cpu", "2"), "cpu 0.5 → 2"),
        ("Deployment", put(*POD, "env", 0, "value", "loud"), "variable MODE changed"),
        (
            "Deployment",
            lambda spec: spec["template"]["spec"]["containers"][0]["env"].clear(),
            "variable MODE",
        ),
    ],
)
def test_what_a_hand_changed_is_told(kind, change, words):
    found = told(kind, live(kind, change=change))
    if words is None:
        assert found == []
        return
    (line,) = found
    assert line.startswith(f"{kind} auth-api is not as applied: ")
    assert words in line
    assert "hush" not in line
    assert "loud" not in line


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Deployment", put("replicas", 7)),  # an autoscaler's, or kubectl scale's: the table has it
        ("Deployment", put(*POD, "image", "other")),  # told by role
        ("Deployment", put(*POD, "resources", "requests", {"cpu": "500m", "memory": "1Gi"})),
        ("Deployment", put("strategy", {"type": "RollingUpdate"})),  # a default of the server
        (
            "Deployment",
            put("template", "metadata", {"annotations": {"kubectl.kubernetes.io/restartedAt": "1"}}),
        ),
        ("Service", put("clusterIP", "10.0.0.1")),
        ("Service", put("selector", "version", "v1")),
        ("HorizontalPodAutoscaler", lambda spec: spec.pop("behavior")),  # an empty one is none
        ("VirtualService", lambda spec: spec.update(virtual_service("auth-api", 0, header=False)["spec"])),
    ],
)
def test_what_a_rollout_or_the_server_changes_is_no_drift(kind, change):
    assert told(kind, live(kind, change=change)) == []


def test_what_is_to_be_deleted_anyway_is_not_missing():
    assert told("Service", {}, delete=True) == []


def test_the_image_of_a_companion_is_told_by_nobody_else():
    there = live("Deployment", "auth-worker", put(*POD, "image", "other"))
    assert "image" in told("Deployment", there, name="auth-worker")[0]


def status(*found):
    seen = Objects(
        deployments=[deployment("auth-api", image=IMAGE), deployment("auth-api-canary", image=IMAGE)],
        virtual_services=[virtual_service(name, 20) for name in ("auth-api", "auth-api-mesh")],
    )
    step = Step(3, "20%", 20, 20, Image.read(IMAGE), Image.read(IMAGE))
    return Status(
        "auth-api", "api", "auth", step, step, read_live("auth-api", SERVICE, seen), drift=tuple(found)
    )


@pytest.mark.parametrize(
    ("kind", "there", "alarm"),
    [
        ("Service", {}, "no Service auth-api: all requests fail"),
        ("DestinationRule", {}, "no DestinationRule auth-api: all requests fail"),
        (
            "DestinationRule",
            live("DestinationRule", change=put("subsets", [])),
            "DestinationRule auth-api has no subset stable and canary: requests to it fail",
        ),
        (
            "DestinationRule",
            live("DestinationRule", change=lambda spec: spec["subsets"].pop(0)),
            "DestinationRule auth-api has no subset stable: requests to it fail",
        ),
        ("HorizontalPodAutoscaler", {}, None),
        ("PodDisruptionBudget", {}, None),
    ],
)
def test_what_makes_requests_fail_is_an_alarm_and_everything_comes_back_by_a_refresh(kind, there, alarm):
    line = status(*drift(of_state([resource(kind)]), there))
    assert line.alarms == ((alarm,) if alarm else ())
    assert any(kind in one.text for one in line.differences)
    assert remedies(line, Snapshot("dev", "eco2-dev", datetime(2026, 1, 1, tzinfo=UTC), (line,), ())) == [
        REFRESH
    ]


@pytest.fixture
def look(desk, tmp_path):
    """Asks for a status in a cluster that shows some lists and not others."""

    def run(*resources, forbidden=(), not_served=()):
        state = {"deployment": {"resources": [{"type": "pulumi:pulumi:Stack", "urn": "root"}, *resources]}}
        (tmp_path / "bin" / "pulumi").write_text(f"#!/bin/sh\necho '{json.dumps(state)}'\n")
        with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as server:
            server.objects |= {
                path(kind): {"items": []} for kind in OF_A_SERVICE if kind not in (*forbidden, *not_served)
            }
            server.unreadable = {path(kind) for kind in forbidden}
            server.not_served = {path(kind) for kind in not_served}
            return desk.run("status", "--json"), desk.run("status")

    return run


def test_a_kind_that_is_no_longer_served_is_missing_and_what_to_do_first_is_said(look):
    as_json, table = look(resource("ScaledObject"), not_served=["ScaledObject"])
    assert as_json.exit_code == 1
    words = " ".join(table.stdout.split())
    assert "serves no scaledobjects of keda.sh" in words
    assert "install the definitions again" in words


def test_a_kind_that_nobody_needs_may_be_missing(look):
    as_json, table = look(not_served=["ScaledObject"])
    assert as_json.exit_code == 0
    assert "scaledobjects" not in table.stdout


def test_what_may_not_be_read_is_not_called_missing(look):
    as_json, table = look(resource("PodDisruptionBudget"), forbidden=["PodDisruptionBudget"])
    assert as_json.exit_code == 1
    assert "PodDisruptionBudgets are not looked at" in " ".join(table.stdout.split())
    assert "no PodDisruptionBudget" not in table.stdout


def test_routes_that_may_not_be_read_end_a_status(look):
    as_json, _ = look(forbidden=["VirtualService"])
    assert as_json.exit_code == 1
    assert not as_json.stdout

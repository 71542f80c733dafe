"""What an abort writes at the API is what phase 0 means."""

from __future__ import annotations

import json

import pytest

from eco2.abort.routes import strike
from eco2.field_managers import applicable
from eco2.stack.dry_run import stack_config
from rollout.plan.service_plan import plan
from rollout.spec.files import read_catalog
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings
from rollout.traffic import write
from rollout.traffic.selector import pinned
from rollout.traffic.strip import without_canary
from tests.conftest import ROOT

HOST = "api.dev.growbin.app"


def virtual_services(catalog, settings, name, phase):
    rolled = settings.model_copy(update={"rollouts": {name: RolloutSettings(phase=phase)}})
    wanted = resolve(catalog, rolled)[name]
    planned = plan(wanted, None)
    routed = write.Routed(wanted.name, wanted.service, catalog.canary_header)
    public = write.public_spec(planned.split, routed, HOST, catalog.gateway)
    mesh = write.mesh_spec(planned.split, routed)
    return [{"spec": json.loads(json.dumps(spec))} for spec in (public, mesh)]


@pytest.mark.parametrize("phase", range(6))
def test_the_first_stroke_gives_the_routes_of_phase_0(phase):
    catalog = read_catalog(ROOT / "services.yaml")
    settings = read_settings("Pulumi.dev.yaml", stack_config(ROOT, "dev"), catalog)
    for name, service in catalog.services.items():
        if service.kind == "api":
            off = virtual_services(catalog, settings, name, 0)
            now = virtual_services(catalog, settings, name, phase)
            assert [without_canary(one) for one in now] == off


def test_the_first_stroke_pins_a_service_without_routes():
    live = {"spec": {"selector": {"app": "ext-authz", "version": "v2"}, "clusterIP": "10.0.0.1"}}
    assert pinned(live)["spec"]["selector"] == {"app": "ext-authz", "version": "v1"}
    assert live["spec"]["selector"]["version"] == "v2"


def to(subset, **more):
    return {"destination": {"host": "my-api", "subset": subset}, **more}


@pytest.mark.parametrize(
    ("rule", "back"),
    [
        # Copies of requests make a canary work, too.
        (
            {
                "route": [to("stable")],
                "mirror": {"host": "my-api", "subset": "canary"},
                "mirrorPercentage": {},
            },
            {"route": [to("stable")]},
        ),
        (
            {"route": [to("stable")], "mirrors": [to("canary"), to("stable")]},
            {"route": [to("stable")], "mirrors": [to("stable")]},
        ),
        ({"route": [to("stable")], "mirrors": [to("canary")]}, {"route": [to("stable")]}),
        (
            {"route": [to("stable")], "mirror": {"host": "log"}},
            {"route": [to("stable")], "mirror": {"host": "log"}},
        ),
        ({"route": [to("canary")]}, {"route": [to("stable", weight=100)]}),
    ],
)
@pytest.mark.parametrize("section", ["http", "tls", "tcp"])
def test_what_a_hand_can_write_leads_no_request_to_the_canary(section, rule, back):
    assert without_canary({"spec": {section: [rule]}}) == {"spec": {section: [back]}}


def test_what_is_applied_keeps_labels_and_leaves_out_what_the_server_owns():
    meta = {
        "name": "a",
        "namespace": "b",
        "labels": {"x": "y"},
        "annotations": {"k": "v"},
        "uid": "1",
        "resourceVersion": "7",
        "managedFields": [],
    }
    live = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"clusterIP": "10.0.0.1", "ports": []},
        "status": {},
    }
    assert applicable(live) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "a",
            "namespace": "b",
            "labels": {"x": "y"},
            "annotations": {"k": "v"},
            "resourceVersion": "7",
        },
        "spec": {"ports": []},
    }


class Cluster:
    """An API server with one object; what is applied is in `applied`."""

    def __init__(self, live):
        self.live, self.applied = live, []

    def read(self, kind, *_):
        return self.live if kind == self.live["kind"] else None

    def apply(self, document, manager):
        self.applied.append((document, manager))
        self.live = {**self.live, "spec": document["spec"]}


class Routed:
    kind, namespace = "grpc", "auth"


@pytest.mark.parametrize(
    ("managers", "version", "moved", "applied"),
    [
        (["eco2"], "v1", False, 0),
        # Nobody has changed it since it was created.
        (["pulumi-kubernetes"], "v1", False, 0),
        # It leads where it should, and the next update would meet a conflict.
        (["eco2", "kubectl-edit"], "v1", False, 1),
        (["eco2"], "v2", True, 1),
        (["kubectl-edit"], "v2", True, 1),
    ],
)
def test_a_route_that_a_hand_has_set_is_owned_again(managers, version, moved, applied):
    fields = {"f:spec": {"f:selector": {}}}
    meta = {"name": "ext-authz", "namespace": "auth"}
    meta["managedFields"] = [{"manager": one, "fieldsV1": fields} for one in managers]
    meta["managedFields"].append({"manager": "kube-controller-manager", "fieldsV1": {"f:status": {}}})
    spec = {"selector": {"app": "ext-authz", "version": version}}
    cluster = Cluster({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    (stroke,) = strike(cluster, {"ext-authz": Routed()}, ["ext-authz"])
    assert (bool(stroke.moved), len(cluster.applied)) == (moved, applied)
    assert all(manager == "eco2" for _, manager in cluster.applied)

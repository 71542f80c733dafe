"""The stand-in for Pulumi's Kubernetes plugin needs the rights of the official one, and names what is missing."""

from __future__ import annotations

import time

import pytest

from tests.lab.program import add_node, failed, new_program
from tests.roles import RBAC, with_role

pytestmark = [pytest.mark.lab, pytest.mark.rare]
NAMESPACE = "rights"
OBJECTS = {
    "": ["namespaces", "services", "endpoints", "pods", "persistentvolumeclaims"],
    "apps": ["deployments", "replicasets"],
}


@pytest.fixture(scope="module", autouse=True)
def _ground(lab):
    add_node(lab)
    lab.api.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "metadata": {"name": NAMESPACE}})


def program_without(lab, tmp_path, name, *missing):
    """A program of somebody who may do everything with the objects but what is missing: `watch pods`."""
    rules = []
    for group, resources in OBJECTS.items():
        for one in resources:
            verbs = ["get", "list", "watch", "create", "patch", "update", "delete"]
            kept = [verb for verb in verbs if f"{verb} {one}" not in missing]
            rules.append({"apiGroups": [group], "resources": [one], "verbs": kept})
    role = {"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    lab.api.request("POST", f"{RBAC}/clusterroles", role)
    return new_program(with_role(lab, tmp_path, name), tmp_path / name)


def deployment(name):
    labels = {"app": name}
    container = {"name": "app", "image": "example.com/good", "resources": {"requests": {"cpu": "10m"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": {}},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def door(name, **annotations):
    meta = {"name": name, "namespace": NAMESPACE, "annotations": annotations}
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def refusal(program):
    """What an update says, which must not take long to say it."""
    began = time.monotonic()
    told = failed(program.up(check=False))
    assert time.monotonic() - began < 30
    return told


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("watch pods", "watch pods"),
        ("list replicasets", "list replicasets.apps"),
        ("watch deployments", "watch deployments.apps"),
        ("list persistentvolumeclaims", "list persistentvolumeclaims"),
    ],
)
def test_a_right_that_the_wait_for_a_deployment_lacks_is_named_in_seconds(lab, tmp_path, missing, named):
    name = missing.replace(" ", "-")
    program = program_without(lab, tmp_path, name, missing)
    program.declare(deployment(name))
    told = refusal(program)
    assert f"Deployment {NAMESPACE}/{name}: this user may not {named} in namespace {NAMESPACE}" in told
    assert "would hang here" in told


def test_volume_claims_are_watched_by_every_deployment_that_has_none(lab, tmp_path):
    missing = [f"{verb} persistentvolumeclaims" for verb in ("get", "list", "watch")]
    program = program_without(lab, tmp_path, "no-claims", *missing)
    program.declare(deployment("no-claims"))
    assert "may not list persistentvolumeclaims, watch persistentvolumeclaims" in refusal(program)
    # It was made, so somebody who has the right goes on with it.
    granted = [{"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["list", "watch"]}]
    role = lab.api.request("GET", f"{RBAC}/clusterroles/no-claims")
    lab.api.request("PUT", f"{RBAC}/clusterroles/no-claims", {**role, "rules": role["rules"] + granted})
    program.up()


def test_a_service_is_waited_for_by_its_endpoints_unless_nobody_waits(lab, tmp_path):
    program = program_without(lab, tmp_path, "no-endpoints", "watch endpoints")
    program.declare(door("no-endpoints", **{"pulumi.com/skipAwait": "true"}))
    program.up()
    program.declare(door("other"))
    assert "may not watch endpoints in namespace" in refusal(program)


def test_a_deletion_watches_the_kind_that_it_deletes(lab, tmp_path):
    program = program_without(lab, tmp_path, "no-watch", "watch services")
    program.declare(door("no-watch", **{"pulumi.com/skipAwait": "true"}))
    program.up()
    program.declare()
    assert "may not watch services" in refusal(program)

"""A status that cannot know what the last update left does not say that there was none."""

from __future__ import annotations

import json

import pytest

from tests.api_server import ApiServer
from tests.unit.priors import entry

LISTS = (
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/networking.istio.io/v1/virtualservices",
    "/api/v1/services",
    "/api/v1/pods",
    "/api/v1/namespaces/auth/events",
    "/apis/networking.istio.io/v1/destinationrules",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/keda.sh/v1alpha1/scaledobjects",
)
STEP = entry(3, 20, "a", "b")


@pytest.fixture
def ask(desk, tmp_path):
    """Asks for a status in a cluster without objects, where Pulumi's CLI answers with some outputs."""

    def run(outputs, *arguments, spaces=(), unreadable=()):
        root = {"type": "pulumi:pulumi:Stack", "urn": "root", "outputs": outputs}
        state = {"deployment": {"resources": [root]}}
        answer = "exit 7" if outputs is None else f"echo '{json.dumps(state)}'"
        (tmp_path / "bin" / "pulumi").write_text(f"#!/bin/sh\n{answer}\n")
        with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as server:
            server.objects |= {path: {"items": []} for path in LISTS} | {
                "/api/v1/namespaces": {"items": spaces}
            }
            server.unreadable |= set(unreadable)
            return desk.run("status", *arguments)

    return run


OLD = {"rollouts": {"auth-api": {"phase": 3}}}


@pytest.mark.parametrize(
    ("outputs", "phase", "code"),
    [
        (None, None, 1),
        (OLD, None, 1),
        ({"rollouts": "[secret]"}, None, 1),
        ({}, "0 not yet up", 0),
        ({"rollouts": {}}, "0 not yet up", 0),
        ({"rollouts": {"auth-api": STEP}}, "3 20%", 0),
    ],
)
def test_a_phase_is_told_only_where_it_is_known(ask, outputs, phase, code):
    def row(done):
        assert done.exit_code == code, done.output
        return done.stdout

    entries = {one["service"]: one for one in json.loads(row(ask(outputs, "--json")))}
    assert entries["auth-api"]["phase"] == phase
    shown = phase or "?"
    table = next(line for line in row(ask(outputs)).splitlines() if line.startswith("auth-api"))
    assert " ".join(table.split()).startswith(f"auth-api {shown}")
    assert f"auth-api  phase {shown}" in row(ask(outputs, "auth-api"))


def test_the_reason_is_named(ask):
    assert "! the stack's state cannot be read" in ask(None).stdout
    told = " ".join(ask(OLD).stdout.split())
    assert "! what the last update left of auth-api is written in another shape than this program's" in told


UP = {"rollouts": {"auth-api": STEP}}
BARE = "! namespace auth is not as applied: without the label istio-injection=enabled pods that start there get no"


def namespace(name, **labels):
    return {"metadata": {"name": name, "labels": labels}}


def test_a_namespace_that_lost_its_sidecars_is_told_with_the_way_back(ask):
    def told(outputs, space):
        return " ".join(ask(outputs, spaces=[space, namespace("elsewhere")]).stdout.split())

    seen = told(UP, namespace("auth"))
    assert BARE in seen
    assert "pulumi up --refresh --run-program --stack dev" in seen
    for label in ({"istio-injection": "enabled"}, {"istio.io/rev": "1-29"}):
        assert "sidecar" not in told(UP, namespace("auth", **label))
    assert "sidecar" not in told({}, namespace("auth"))  # not yet up


def test_namespaces_that_may_not_be_looked_at_are_named(ask):
    seen = " ".join(ask(UP, unreadable=["/api/v1/namespaces"]).stdout.split())
    assert "! Namespaces are not looked at:" in seen

"""What an abort's update is limited to, and what it says while it waits."""

from __future__ import annotations

import json
import time

import pytest

from eco2 import second_stroke
from eco2.abort_state import waiting_steps
from eco2.abort_targets import in_flight, targets
from eco2.lenient import Place
from eco2.second_stroke import SecondStroke
from eco2.wish import Wish
from rollout.prior import Prior, read_prior

COMPONENT = "eco2:service:CanaryService"


def urn(types, name):
    return f"urn:pulumi:dev::eco2::{types}::{name}"


def component(name):
    return {"type": COMPONENT, "urn": urn(COMPONENT, name)}


def owned(service, kind, name, image=""):
    types = f"kubernetes:x/v1:{kind}"
    inputs = {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}} if image else {}
    parent = urn(COMPONENT, service)
    return {"type": types, "urn": urn(f"{COMPONENT}${types}", name), "parent": parent, "inputs": inputs}


def api(name, image="stable"):
    kinds = ("Service", "DestinationRule", "PodDisruptionBudget", "HorizontalPodAutoscaler", "VirtualService")
    return [
        component(name),
        owned(name, "Deployment", name, image),
        owned(name, "Deployment", f"{name}-canary", "canary"),
        owned(name, "HorizontalPodAutoscaler", f"{name}-canary"),
        owned(name, "VirtualService", f"{name}-mesh"),
        *(owned(name, kind, name) for kind in kinds),
    ]


def short(urns):
    return sorted(f"{one.rsplit(':', 3)[-3]} {one.rsplit('::', 1)[1]}" for one in urns)


LEFT = {"my-api": Prior(3, 20, "stable", "canary")}


def test_an_abort_updates_canary_and_routes_alone():
    resources = [*api("my-api"), *api("auth-api"), {"type": "kubernetes:core/v1:Namespace", "urn": "x::my"}]
    assert short(targets(resources, LEFT, ["my-api"])) == [
        "CanaryService my-api",
        "Deployment my-api-canary",
        "HorizontalPodAutoscaler my-api",
        "HorizontalPodAutoscaler my-api-canary",
        "VirtualService my-api",
        "VirtualService my-api-mesh",
    ]


def test_stable_is_updated_where_a_promotion_has_begun_to_change_it():
    told = short(targets(api("my-api", image="canary"), LEFT, ["my-api"]))
    assert "Deployment my-api" in told


def test_the_selector_of_a_service_without_routes_is_its_route():
    resources = [one for one in api("my-api") if not one["type"].endswith(":VirtualService")]
    assert "Service my-api" in short(targets(resources, LEFT, ["my-api"]))


@pytest.mark.parametrize(
    ("resources", "last", "expected"),
    [
        ([component("my-api")], {}, set()),
        ([component("my-api")], LEFT, {"my-api"}),
        # An update that failed on the way up has left no outputs.
        (api("my-api"), {}, {"my-api"}),
        (api("my-api"), {"my-api": Prior(0, 0, "stable", None)}, {"my-api"}),
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


class Held:
    """A cluster in which a canary's Deployment does not go."""

    def get(self, path):
        assert path == "/apis/apps/v1/namespaces/auth/deployments/auth-api-canary"
        return {"metadata": {"finalizers": ["example.org/backup"]}}


def test_a_canary_that_does_not_go_is_told_with_its_finalizers_and_the_way_on(monkeypatch, tmp_path):
    monkeypatch.setattr(second_stroke, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(second_stroke, "update", lambda *_, **__: time.sleep(0.3))
    told = []
    wish = Wish(tmp_path, "dev", ("auth-api",))
    stroke = SecondStroke(wish, Held(), {"auth-api": Place("api", "auth")}, told.append)
    stroke._run([], {}, ["auth-api"])
    assert told
    assert "its finalizers hold: example.org/backup; for 10 min at the most" in told[0]
    assert "kubectl --namespace auth patch deployment auth-api-canary" in told[0]
    said = len(told)
    time.sleep(0.15)
    assert len(told) == said


@pytest.mark.parametrize(("before", "phase"), [(0, 1), (1, 2), (2, 3), (3, 3), (3, 1), (4, 2), (4, 5)])
def test_nothing_that_an_abort_leaves_alone_stands_on_what_it_deletes(program, before, phase):
    """The engine silently keeps what something outside of the targets depends on."""
    names = ("auth-api", "ext-authz", "scan-worker", "sse-gateway")
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {name: {"phase": phase} for name in names}})
    weights = (0, 0, 5, 20, 50, 100)
    left = {
        "rollouts": {
            name: {
                "phase": before,
                "weight": weights[before],
                "images": {
                    "stable": f"docker.io/mng990/eco2:{name}-dev-latest",
                    "canary": f"docker.io/mng990/eco2:{name}-dev-canary" if before else None,
                },
            }
            for name in names
        }
    }
    registered = program.run(outputs=left).resources
    resources = [
        {"type": one.type, "urn": one.urn, "parent": one.options.get("parent", ""), "inputs": one.inputs}
        for one in registered
    ]
    updated = set(targets(resources, read_prior(left), names))
    deleted = {one.urn for one in registered if one.name.endswith("-canary")}
    assert deleted <= updated
    bound = {one.urn for one in registered if one.urn not in updated and one.after & deleted}
    assert bound == set()

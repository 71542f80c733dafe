"""An abort of one service beside others whose last move turned their order round."""

from __future__ import annotations

import pytest

from components.metadata import CANARY_SERVICE
from eco2.orders import orders
from rollout.order import Direction
from rollout.prior import ONLY_VARIABLE, ORDERS_VARIABLE

COMPONENT = f"urn:pulumi:dev::eco2::{CANARY_SERVICE}::auth-api"


def child(kind, name="auth-api", after=()):
    urn = f"urn:pulumi:dev::eco2::{CANARY_SERVICE}${kind}::{name}"
    return {"urn": urn, "type": kind, "parent": COMPONENT, "dependencies": [one["urn"] for one in after]}


def state(climbs, promoted=False):
    component = {"urn": COMPONENT, "type": CANARY_SERVICE}
    stable = child("kubernetes:apps/v1:Deployment")
    if climbs:
        scaler = child("kubernetes:autoscaling/v2:HorizontalPodAutoscaler")
        routes = child("kubernetes:networking.istio.io/v1:VirtualService", after=[stable, scaler])
    else:
        routes = child("kubernetes:networking.istio.io/v1:VirtualService", after=[stable] if promoted else [])
        scaler = child("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", after=[routes])
    return [component, stable, scaler, routes]


def test_the_order_of_a_state_is_read_from_its_dependencies():
    assert orders(state(climbs=True)) == {}
    assert orders(state(climbs=False)) == {"auth-api": Direction.DOWN}
    assert orders(state(climbs=False, promoted=True)) == {"auth-api": Direction.PROMOTE}


def test_a_service_without_routes_turns_round_with_its_service():
    component = {"urn": COMPONENT, "type": CANARY_SERVICE}
    service = child("kubernetes:core/v1:Service")
    scaler = child("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", after=[service])
    assert orders([component, service, scaler]) == {"auth-api": Direction.DOWN}


@pytest.mark.parametrize(
    ("told", "routes_first"), [("", False), ("auth-api=down", True), ("scan-api=down", False)]
)
def test_a_service_that_is_left_alone_is_declared_in_the_order_of_the_state(
    program, monkeypatch, told, routes_first
):
    monkeypatch.setenv(ONLY_VARIABLE, "my-api")
    monkeypatch.setenv(ORDERS_VARIABLE, told)
    names = [
        (one.type.rsplit(":", 1)[1], one.inputs["metadata"]["name"])
        for one in program.run().resources
        if one.type.startswith("kubernetes:") and "metadata" in one.inputs
    ]
    routes, scaler = ("VirtualService", "auth-api"), ("HorizontalPodAutoscaler", "auth-api")
    assert (names.index(routes) < names.index(scaler)) is routes_first


def names_of(captured, kind):
    return {one.inputs["metadata"]["name"] for one in captured.resources if one.type.endswith(f":{kind}")}


def test_a_service_that_is_left_alone_keeps_the_canary_that_its_config_takes_back(program, monkeypatch):
    climbed = {
        "config/eco2:rollouts": {"scan-api": {"phase": 2}},
        "config/eco2:overrule": {"scan-api": "a test"},
    }
    program.edit("Pulumi.dev.yaml", **climbed)
    outputs = program.run(outputs={}).outputs
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"auth-api": {"phase": 1}}})
    monkeypatch.setenv(ONLY_VARIABLE, "auth-api")
    captured = program.run(outputs=outputs)
    assert {"auth-api-canary", "scan-api-canary"} <= names_of(captured, "Deployment")
    assert "scan-api-canary" in names_of(captured, "PodDisruptionBudget")
    assert "scan-api-canary" in names_of(captured, "HorizontalPodAutoscaler")
    monkeypatch.delenv(ONLY_VARIABLE)
    assert "scan-api-canary" not in names_of(program.run(outputs=outputs), "Deployment")


def test_a_service_that_is_left_alone_gets_no_canary_that_only_its_config_has(program, monkeypatch):
    outputs = program.run(outputs={}).outputs
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"scan-api": {"phase": 1}}})
    monkeypatch.setenv(ONLY_VARIABLE, "auth-api")
    assert "scan-api-canary" not in names_of(program.run(outputs=outputs), "Deployment")

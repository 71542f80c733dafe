"""Hands on routes are told with what takes them back."""

from __future__ import annotations

import json

import pytest

from eco2.hands import hands_on_routes
from eco2.lenient import Place
from tests.api_server import ROUTES, ApiServer

SERVICES = {
    "auth-api": Place("api", "auth"),
    "ext-authz": Place("grpc", "auth"),
    "scan-worker": Place("worker", "scan"),
}


class Cluster:
    """Objects by kind and name, each with the manager that set what leads to a canary."""

    def __init__(self, **managers):
        self.managers = {name.replace("_", "-"): manager for name, manager in managers.items()}

    def read(self, kind, namespace, name):
        assert (kind, namespace) == ("Service" if name == "ext-authz" else "VirtualService", "auth")
        if name not in self.managers:
            return None
        field = "f:selector" if kind == "Service" else "f:http"
        fields = [
            {"manager": "kube-controller-manager", "fieldsV1": {"f:status": {}}},
            {"manager": self.managers[name], "fieldsV1": {"f:spec": {field: {}}}},
        ]
        return {"metadata": {"managedFields": fields}}


BACK = "no update without a change of its routes does: pulumi up --refresh --run-program --stack dev"


@pytest.mark.parametrize(
    ("cluster", "moving", "told"),
    [
        (Cluster(), (), []),
        (Cluster(auth_api="eco2", auth_api_mesh="pulumi-kubernetes", ext_authz="eco2"), (), []),
        (
            Cluster(auth_api="eco2", auth_api_mesh="kubectl-edit"),
            (),
            [f"auth-api: changed by hand: VirtualService auth/auth-api-mesh by kubectl-edit; {BACK}"],
        ),
        (
            Cluster(auth_api="helm", ext_authz="kubectl-patch"),
            ("auth-api",),
            [
                "auth-api: changed by hand: VirtualService auth/auth-api by helm; this update takes it back",
                f"ext-authz: changed by hand: Service auth/ext-authz by kubectl-patch; {BACK}",
            ],
        ),
    ],
)
def test_a_hand_is_told_with_what_takes_it_back(cluster, moving, told):
    assert hands_on_routes(cluster, SERVICES, moving, "dev") == told


@pytest.fixture
def server(tmp_path, desk):
    """auth-api at 5 %, with a hand on its inner route."""
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        running.routes("auth", "auth-api", 5)
        hand = {"manager": "kubectl-patch", "fieldsV1": {"f:spec": {"f:http": {}}}}
        path = ROUTES.format("auth", "auth-api-mesh")
        running.objects[path]["metadata"]["managedFields"] = [hand]
        yield running


HAND = "auth-api: changed by hand: VirtualService auth/auth-api-mesh by kubectl-patch; "


def warnings(desk):
    return json.loads(desk.run("plan", "--json").stdout)["warnings"]


@pytest.mark.parametrize(
    ("phase", "way_back"), [(2, BACK), (3, "this update takes it back"), (0, "this update takes it back")]
)
def test_a_plan_tells_it_too(desk, server, phase, way_back):
    desk.says(auth_api=f"{{phase: {phase}}}")
    assert HAND + way_back in warnings(desk)
    assert HAND in desk.run("plan").stdout
    assert HAND in desk.run("plan", "--markdown").stdout


def test_a_plan_asks_nobody_where_there_is_no_way_to_the_cluster(desk, tmp_path):
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    desk.says(auth_api="{phase: 3}")
    assert not [told for told in warnings(desk) if "by hand" in told]


def test_a_plan_says_what_it_could_not_look_at(desk, server):
    server.unreadable.add(ROUTES.format("auth", "auth-api"))
    assert any("whether somebody changed routes by hand is not known" in told for told in warnings(desk))

"""Hands on routes are told with what takes them back."""

from __future__ import annotations

import pytest

from eco2.hands import hands_on_routes
from eco2.lenient import Place

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

"""Hands on routes are told with what takes them back."""

from __future__ import annotations

import json

import pytest

from eco2.abort.files import Place
from eco2.change.manual_routes import look_at_routes
from tests.api_server import ROUTES, ApiServer, routed
from tests.desk import IMAGE

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


BACK = (
    "an update that changes no route of it leaves that; to take it back: "
    "pulumi up --refresh --run-program --stack dev"
)


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
    assert look_at_routes(cluster, SERVICES, {}, moving, "dev").hands == tuple(told)


def in_the_state(desk, **weights):
    """VirtualServices of auth-api as the state has them."""
    kind = "kubernetes:networking.istio.io/v1:VirtualService"
    state = json.loads((desk.folder / "state.json").read_text())
    state["deployment"]["resources"] += [
        {
            "type": kind,
            "urn": f"urn:pulumi:dev::eco2::eco2:service:CanaryService${kind}::{name}",
            "outputs": routed("auth", name, weight),
        }
        for name, weight in weights.items()
    ]
    (desk.folder / "state.json").write_text(json.dumps(state))


@pytest.fixture
def server(tmp_path, desk):
    """auth-api at 5 %, with a hand on its inner route."""
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    in_the_state(desk, **{"auth-api": 5, "auth-api-mesh": 5})
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
    assert any(
        "whether somebody changed or deleted routes by hand, or an abort is not finished, is not known"
        in told
        for told in warnings(desk)
    )


UNFINISHED = (
    "auth-api: an abort took its routes off the canary and is not finished, and an update may undo that; "
    "finish it first: eco2 abort auth-api --stack dev"
)


@pytest.mark.parametrize("phase", [2, 3, 0])
def test_a_plan_tells_of_an_abort_that_is_not_finished(desk, server, phase):
    server.routes("auth", "auth-api", 0)
    desk.says(auth_api=f"{{phase: {phase}}}")
    assert UNFINISHED in warnings(desk)


def test_a_step_up_waits_for_the_end_of_an_abort(desk, server):
    server.routes("auth", "auth-api", 0)
    server.canary("auth", "auth-api", f"{IMAGE}auth-api-dev-canary")
    desk.says(auth_api="{phase: 2}")
    before = desk.file.read_text()
    done = desk.run("advance", "auth-api", "--yes")
    assert done.exit_code == 1
    assert " ".join(UNFINISHED.split()) in " ".join(done.output.split())
    assert (desk.file.read_text(), desk.updates) == (before, [])


def test_a_step_that_moved_one_of_two_routes_is_no_abort(desk, server):
    """The state knows of both what is live."""
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    in_the_state(desk, **{"auth-api": 20, "auth-api-mesh": 5})
    server.routes("auth", "auth-api", 20)
    server.objects[ROUTES.format("auth", "auth-api-mesh")] = routed("auth", "auth-api-mesh", 5)
    desk.says(auth_api="{phase: 3}")
    assert not [told for told in warnings(desk) if "abort" in told]


def test_a_pinned_service_is_an_abort_that_is_not_finished():
    kind = "kubernetes:core/v1:Service"
    state = {f"x::{kind}::ext-authz": {"type": kind, "outputs": {"spec": {"selector": {"app": "ext-authz"}}}}}

    class Pinned:
        def read(self, *_):
            return {"metadata": {}, "spec": {"selector": {"app": "ext-authz", "version": "v1"}}}

    services = {"ext-authz": SERVICES["ext-authz"]}
    assert look_at_routes(Pinned(), services, state, (), "dev").unfinished == ("ext-authz",)
    assert look_at_routes(Pinned(), services, {}, (), "dev").unfinished == ()


DELETED = (
    "the state knows and the cluster does not: VirtualService auth/auth-api-mesh. An update that changes what was "
    "deleted fails; what makes it anew: pulumi up --refresh --run-program --stack dev"
)


@pytest.fixture
def deleted(server):
    """auth-api at 5 % with a canary that is fit, and without its inner route."""
    server.canary("auth", "auth-api", f"{IMAGE}auth-api-dev-canary", ready=2, wanted=2)
    del server.objects[ROUTES.format("auth", "auth-api-mesh")]
    return server


@pytest.mark.parametrize("phase", [2, 3, 0])
def test_a_plan_tells_of_a_route_that_somebody_deleted(desk, deleted, phase):
    desk.says(auth_api=f"{{phase: {phase}}}")
    assert DELETED in warnings(desk)


@pytest.mark.parametrize("at", [(0, None), (2, 5), (5, 100)])
def test_no_step_on_is_written_where_a_route_is_gone(desk, deleted, at):
    phase, weight = at
    desk.left(auth_api=(phase, weight, "auth-api-dev-canary"))
    in_the_state(desk, **{"auth-api": weight or 0, "auth-api-mesh": weight or 0})
    desk.says(auth_api=f"{{phase: {phase}}}")
    before = desk.file.read_text()
    done = desk.run("promote" if phase == 5 else "advance", "auth-api", "--yes")
    assert done.exit_code == 1, done.output
    assert f"{DELETED}; nothing was changed" in " ".join(done.output.split())
    assert (desk.file.read_text(), desk.updates) == (before, [])


def test_a_way_back_is_written_where_a_route_is_gone(desk, deleted):
    (desk.folder / "answers").write_text("0")
    (desk.folder / "code").write_text("0")
    desk.left(auth_api=(3, 20, "auth-api-dev-canary"))
    in_the_state(desk, **{"auth-api": 20, "auth-api-mesh": 20})
    desk.says(auth_api="{phase: 3}")
    done = desk.run("advance", "auth-api", "--to", "2", "--yes")
    assert done.exit_code == 0, done.output
    assert len(desk.updates) == 1

"""What waits in a checkout while a canary is taken back: real routes, a real engine, users who notice nothing."""

from __future__ import annotations

import pytest
import yaml

from tests.traffic import HOST, PATHS, Traffic, inside, send

pytestmark = pytest.mark.lab
SERVICES = ("auth-api", "my-api")
AUTH, MY = PATHS["auth-api"], PATHS["my-api"]
DEPLOYMENTS = "/apis/apps/v1/deployments"
GOOD = "my-api-0.8.0"


@pytest.fixture
def catalog(stack):
    """Edits services.yaml of this copy; it is as it was at the end."""
    file = stack.folder / "services.yaml"
    before = file.read_text()

    def edit(**changes):
        told = yaml.safe_load(file.read_text())
        for name, fields in changes.items():
            told["services"][name.replace("_", "-")] |= fields
        file.write_text(yaml.safe_dump(told, sort_keys=False))

    yield edit
    file.write_text(before)
    stack.up()


def taken_back(stack, *names):
    done = stack.eco2("abort", *names)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def container(lab, name):
    return lab.items(DEPLOYMENTS)[name]["spec"]["template"]["spec"]["containers"][0]


def test_ports_and_routes_that_wait_take_nothing_down(stack, lab, catalog):
    file = stack.folder / "services.yaml"
    before = file.read_text()
    stack.jump(3, "auth-api")
    stack.jump(3, "ext-authz")
    ports = lab.items("/api/v1/services")["auth/ext-authz"]["spec"]["ports"]
    bounds = lab.items("/apis/autoscaling/v2/horizontalpodautoscalers")["auth/auth-api"]["spec"]
    scaler = yaml.safe_load(before)["services"]["auth-api"]["autoscaler"]
    catalog(
        auth_api={
            "ports": [{"name": "http", "port": 8001}, {"name": "http-old", "port": 8000}],
            "routes": [{"name": "auth-api", "prefix": "/api/v2/auth"}],
            "autoscaler": {**scaler, "min": 2, "max": 9},
        },
        ext_authz={"ports": [{"name": "grpc", "port": 50059}, {"name": "metrics", "port": 9090}]},
    )
    with (
        Traffic(lab, HOST, (AUTH,)) as users,
        Traffic(lab, inside("auth-api"), ("/any",), options=("--inside",)) as mesh,
    ):
        told = taken_back(stack, "auth-api", "ext-authz")
        assert send(lab, HOST, AUTH, 100)["answers"] == {"v1": 100}
    users.assert_none_failed()
    mesh.assert_none_failed()
    assert lab.items("/api/v1/services")["auth/ext-authz"]["spec"]["ports"] == ports
    now = lab.items("/apis/autoscaling/v2/horizontalpodautoscalers")["auth/auth-api"]["spec"]
    assert (now["minReplicas"], now["maxReplicas"]) == (bounds["minReplicas"], bounds["maxReplicas"])
    # Frozen while a canary had weight, it may shrink again.
    assert now["behavior"]["scaleDown"].get("selectPolicy") != "Disabled"
    assert (
        "refused if the checkout asks for it: services.yaml: services.ext-authz: ext-authz: rule 18" in told
    )
    file.write_text(before)
    assert stack.changes() == []


def test_what_waits_is_named(stack, catalog):
    stack.jump(2, "auth-api")
    catalog(auth_api={"routes": [{"name": "auth-api", "prefix": "/api/v2/auth"}]})
    told = taken_back(stack, "auth-api").splitlines()[-1]
    assert told == "not brought by this abort, and asked for by the checkout: update VirtualService auth-api"
    assert stack.changes() == ["update VirtualService auth-api"]


@pytest.mark.parametrize("phase", [1, 3])
def test_objects_that_wait_are_not_made(stack, lab, catalog, phase):
    """An autoscaler and a companion; at phase 1 beside a canary that never got ready, which outputs do not know."""
    mine = yaml.safe_load((stack.folder / "services.yaml").read_text())["services"]["my-api"]
    scaler, companions = mine["autoscaler"], mine["companions"]
    catalog(my_api={"autoscaler": None})
    stack.up()
    if phase == 1:
        stack.change(readyTimeoutSeconds=10, rollouts={"my-api": {"phase": 1}})
        lab.command("behave", "my-api-dev-canary", "--unready")
        stack.up(check=False)
        lab.command("behave", "--reset")
    else:
        stack.jump(phase, "my-api")
    catalog(my_api={"autoscaler": scaler, "companions": {**companions, "my-other": companions["my-grpc"]}})
    told = taken_back(stack, "my-api").splitlines()[-1]
    waiting = [
        "create Deployment my-other",
        "create HorizontalPodAutoscaler my-api",
        "create PodDisruptionBudget my-other",
        "create Service my-other",
    ]
    assert told.endswith(f"asked for by the checkout: {'; '.join(waiting)}")
    assert "my/my-api" not in lab.items("/apis/autoscaling/v2/horizontalpodautoscalers")
    assert not {"my/my-api-canary", "my/my-other"} & lab.items(DEPLOYMENTS).keys()
    assert stack.changes() == waiting


def test_a_promotion_that_was_begun_is_undone_and_brings_nothing_else(stack, lab, catalog):
    stack.ask_for_promotion("my-api", GOOD, seconds=10)
    stack.pulumi("up", "--yes", "--skip-preview", check=False)
    assert container(lab, "my/my-api")["image"].endswith(GOOD)
    assert container(lab, "my/my-grpc")["image"].endswith(GOOD)
    before = container(lab, "my/my-api")["env"]
    env = yaml.safe_load((stack.folder / "services.yaml").read_text())["services"]["my-api"]["env"]
    catalog(my_api={"env": {**env, "A_WAITING": "1"}, "annotations": {"example.org/waits": "true"}})
    with Traffic(lab, HOST, (MY,)) as users:
        told = taken_back(stack, "my-api")
    lab.command("behave", "--reset")
    users.assert_none_failed()
    # A companion runs what stable runs, and has no canary to go back from.
    for name in ("my-api", "my-grpc"):
        assert container(lab, f"my/{name}")["image"].endswith("my-api-dev-latest")
    assert container(lab, "my/my-api")["env"] == before
    template = lab.items(DEPLOYMENTS)["my/my-api"]["spec"]["template"]
    assert "example.org/waits" not in template["metadata"].get("annotations", {})
    assert "my/my-api-canary" not in lab.items(DEPLOYMENTS)
    assert told.splitlines()[-1].endswith("asked for by the checkout: update Deployment my-api")
    assert stack.changes() == ["update Deployment my-api"]

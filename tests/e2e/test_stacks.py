"""The stacks dev and prod, each in a fresh lab: up, nothing to do, refreshed, destroyed to nothing."""

from __future__ import annotations

import pytest

from tests.conftest import new_stack

pytestmark = pytest.mark.lab

OWN = "app.kubernetes.io/managed-by=pulumi"
LISTS = (
    "/apis/apps/v1/deployments",
    "/api/v1/services",
    "/apis/networking.istio.io/v1/virtualservices",
    "/apis/networking.istio.io/v1/destinationrules",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/keda.sh/v1alpha1/scaledobjects",
    "/apis/policy/v1/poddisruptionbudgets",
)


@pytest.fixture(scope="module", params=["dev", "prod"])
def stack(request, lab, tmp_path_factory):
    made = new_stack(lab, tmp_path_factory.mktemp("project"), request.param)
    made.up()
    yield made
    made.change(protect=False)
    made.up()
    made.pulumi("destroy", "--yes", "--skip-preview", "--run-program")
    for path in LISTS:
        assert lab.items(path).keys() <= {"default/kubernetes"}
    assert lab.items("/api/v1/nodes") == {}


def test_a_second_update_and_a_refresh_change_nothing(stack):
    assert " unchanged" in stack.up()
    stack.pulumi("refresh", "--yes", "--skip-preview", "--run-program", "--expect-no-changes")
    stack.pulumi("preview", "--expect-no-changes")


def test_every_pod_is_ready_on_a_node_of_its_own_domain(stack, lab):
    domains = {
        name.lstrip("/"): node["metadata"]["labels"]["domain"]
        for name, node in lab.items("/api/v1/nodes").items()
    }
    pods = {
        name: pod
        for name, pod in lab.items("/api/v1/pods").items()
        if pod["metadata"]["labels"].get("app.kubernetes.io/part-of") == "ecoeco-backend"
        and not pod["metadata"].get("deletionTimestamp")
    }
    assert len(set(domains.values())) == 10
    assert len({pod["metadata"]["labels"]["app"] for pod in pods.values()}) == 15  # 13 services, 2 companions
    for name, pod in pods.items():
        assert domains[pod["spec"]["nodeName"]] == pod["metadata"]["labels"]["domain"], name
        assert {c["type"]: c["status"] for c in pod["status"]["conditions"]}["Ready"] == "True", name


def test_deployments_have_the_replicas_of_their_environment(stack, lab):
    def replicas(name):
        return lab.items("/apis/apps/v1/deployments")[name]["spec"]["replicas"]

    expected = {"dev": (1, 1, 2, 1), "prod": (2, 2, 2, 3)}[stack.name]
    names = ("auth/auth-api", "chat/chat-api", "auth/ext-authz", "scan/scan-worker")
    assert tuple(map(replicas, names)) == expected


def test_prod_refuses_to_be_destroyed_and_loses_nothing(stack, lab):
    if stack.name != "prod":
        assert "protect" not in stack.file.read_text()
        return
    before = lab.items("/apis/apps/v1/deployments").keys()
    done = stack.pulumi("destroy", "--yes", "--skip-preview", "--run-program", check=False)
    assert done.returncode != 0
    assert "protected" in done.stdout
    assert lab.items("/apis/apps/v1/deployments").keys() == before
    assert " unchanged" in stack.up()

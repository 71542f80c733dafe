"""docs/migration.md: a service that another tool put there moves over, and no request is lost."""

from __future__ import annotations

import copy

import pytest
import yaml

from eco2.render import render
from tests.conftest import ROOT, new_stack
from tests.lab.waiting import until
from tests.traffic import HOST, Traffic, send
from tests.updates import Update

pytestmark = [pytest.mark.lab, pytest.mark.long]
SERVICE, NAMESPACE = "chat-api", "chat"
OPEN = "/api/v1/chat/health"
"""A path that nobody need authorize: ext-authz comes last."""
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
LISTS = {
    "Service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "Deployment": DEPLOYMENTS,
    "DestinationRule": f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/destinationrules",
    "VirtualService": f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices",
    "PodDisruptionBudget": f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets",
}
OLD = {"fieldManager": "kubectl-client-side-apply"}


def ready(lab, name):
    found = lab.items("/apis/apps/v1/deployments").get(f"{NAMESPACE}/{name}", {})
    return found.get("status", {}).get("readyReplicas") == found.get("spec", {}).get("replicas", 0) > 0


def adopt(stack, service):
    done = stack.eco2("adopt", service, "--yes")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_a_deployment_with_another_selector_moves_without_a_failed_request(lab, tmp_path):
    stack = new_stack(lab, tmp_path / "project", "dev")
    # Another one, with a companion, came before, and with it all nodes and namespaces.
    adopt(stack, "character-api")
    render(ROOT, "dev", tmp_path / "rendered")
    files = (tmp_path / "rendered/kubernetes").rglob("*.yaml")
    documents = [yaml.safe_load(path.read_text()) for path in files]
    old = {
        one["kind"]: one
        for one in sorted(documents, key=lambda one: one["metadata"]["name"], reverse=True)
        if one["kind"] in LISTS and one["metadata"]["name"].startswith(SERVICE)
    }
    old["Deployment"]["spec"]["selector"] = {"matchLabels": {"app": SERVICE}}
    for kind, document in old.items():
        lab.api.request("POST", LISTS[kind], document, OLD)
    until(lambda: ready(lab, SERVICE), 40)
    until(lambda: send(lab, HOST, OPEN, 20)["answers"] == {"v1": 20}, 40)

    with Traffic(lab, HOST, (OPEN,)) as users:
        stand_in = copy.deepcopy(old["Deployment"])
        stand_in["metadata"]["name"] = f"{SERVICE}-handover"
        stand_in["spec"]["template"]["metadata"]["labels"]["handover"] = "true"
        labels = {"app": SERVICE, "version": "v1", "handover": "true"}
        stand_in["spec"]["selector"] = {"matchLabels": labels}
        lab.api.request("POST", DEPLOYMENTS, stand_in, OLD)
        until(lambda: ready(lab, f"{SERVICE}-handover"), 40)
        lab.api.request("DELETE", f"{DEPLOYMENTS}/{SERVICE}", {"propagationPolicy": "Background"})
        adopt(stack, SERVICE)
        lab.api.request("DELETE", f"{DEPLOYMENTS}/{SERVICE}-handover", {"propagationPolicy": "Background"})
        until(lambda: f"{NAMESPACE}/{SERVICE}-handover" not in lab.items("/apis/apps/v1/deployments"), 40)
    users.assert_none_failed()
    moved = lab.api.request("GET", f"{DEPLOYMENTS}/{SERVICE}")
    assert moved["spec"]["selector"]["matchLabels"] == {"app": SERVICE, "version": "v1"}
    assert stack.outputs()["rollouts"].keys() == {"character-api", SERVICE}
    # The rest of the stack, which is new, follows; what was moved stays as it is.
    stack.up()
    stack.pulumi("preview", "--expect-no-changes")
    # The rehearsal takes over what kubectl still owns of the routes; from then on nothing need be forced.
    stack.set(f"eco2:rollouts.{SERVICE}.phase", "1")
    assert "conflict with" in stack.up(check=False)
    with Update(stack, PULUMI_K8S_ENABLE_PATCH_FORCE="true") as forced:
        assert forced.end() == 0, forced.told
    assert send(lab, HOST, OPEN, 20, "--header")["answers"] == {"v2": 20}
    stack.advance(SERVICE, 0)
    stack.pulumi("preview", "--expect-no-changes")

"""docs/migration.md: what another tool put there moves over, whatever it says, and no request is lost.

The tests are the page's steps, in their order and on one stack.
"""

from __future__ import annotations

import copy

import pytest
import yaml

from eco2.stack.render import render
from lab.api import APPLY
from tests.conftest import ROOT, new_stack
from tests.lab.waiting import until
from tests.traffic import HOST, Traffic, send

pytestmark = [pytest.mark.lab, pytest.mark.long]
SERVICE, NAMESPACE = "chat-api", "chat"
OPEN = "/api/v1/chat/health"
"""A path that nobody need authorize: ext-authz comes last."""
LISTS = {
    "Service": "/api/v1/namespaces/{}/services",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "DestinationRule": "/apis/networking.istio.io/v1/namespaces/{}/destinationrules",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
}


KUBECTL = "kubectl-client-side-apply"
ARGO = "argocd-controller"
SCALED, SCALED_NAMESPACE = "my-api", "my"
"""A service with an autoscaler."""
FORCE = "pulumi.com/patchForce"


def path(document):
    """The list that an object belongs to."""
    return LISTS[document["kind"]].format(document["metadata"]["namespace"])


def live(lab, document):
    return lab.api.request("GET", f"{path(document)}/{document['metadata']['name']}")


def ready(lab, namespace, name):
    found = lab.items("/apis/apps/v1/deployments").get(f"{namespace}/{name}", {})
    return found.get("status", {}).get("readyReplicas") == found.get("spec", {}).get("replicas", 0) > 0


def managers(lab, document):
    """Who owns fields of an object's spec or metadata; not of its status."""
    entries = live(lab, document)["metadata"]["managedFields"]
    return {one["manager"] for one in entries if not one.get("subresource")}


def adopt(stack, service):
    done = stack.eco2("adopt", service, "--yes")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.fixture(scope="module")
def stack(lab, tmp_path_factory):
    """A stack into which one service has come, and with it all nodes and namespaces."""
    made = new_stack(lab, tmp_path_factory.mktemp("project"), "dev")
    # A namespace of another tool, with a label of its own.
    labels = {"app.kubernetes.io/managed-by": "kustomize", "team": "chat"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    lab.api.request("POST", "/api/v1/namespaces", namespace, {"fieldManager": KUBECTL})
    adopt(made, "character-api")
    kept = lab.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}")["metadata"]["labels"]
    assert (kept["app.kubernetes.io/managed-by"], kept["team"]) == ("pulumi", "chat")
    return made


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Every object of the program, as a file that another tool could have."""
    folder = tmp_path_factory.mktemp("rendered")
    render(ROOT, "dev", folder)
    return [yaml.safe_load(file.read_text()) for file in (folder / "kubernetes").rglob("*.yaml")]


def old(rendered, service):
    """The objects of a service by kind, as another tool knows them: without what is only for Pulumi."""
    documents = sorted(rendered, key=lambda one: one["metadata"]["name"], reverse=True)
    own = {
        one["kind"]: copy.deepcopy(one)
        for one in documents
        if one["kind"] in LISTS and one["metadata"]["name"].startswith(service)
    }
    for one in own.values():
        one["metadata"].pop("annotations")
    return own


def put(lab, documents, manager=KUBECTL):
    for document in documents:
        lab.api.request("POST", path(document), document, {"fieldManager": manager})


def test_a_deployment_with_another_selector_moves_without_a_failed_request(lab, stack, rendered):
    before = old(rendered, SERVICE)
    before["Deployment"]["spec"]["selector"] = {"matchLabels": {"app": SERVICE}}
    # What else differs from the program's: the update must force it, and users must notice nothing.
    before["VirtualService"]["spec"]["http"][0]["timeout"] = "7s"
    before["PodDisruptionBudget"]["metadata"]["labels"]["tier"] = "of-old"
    put(lab, before.values())
    until(lambda: ready(lab, NAMESPACE, SERVICE), 40)
    until(lambda: send(lab, HOST, OPEN, 20)["answers"] == {"v1": 20}, 40)

    deployments = path(before["Deployment"])
    with Traffic(lab, HOST, (OPEN,)) as users:
        stand_in = copy.deepcopy(before["Deployment"])
        stand_in["metadata"]["name"] = f"{SERVICE}-handover"
        stand_in["spec"]["template"]["metadata"]["labels"]["handover"] = "true"
        labels = {"app": SERVICE, "version": "v1", "handover": "true"}
        stand_in["spec"]["selector"] = {"matchLabels": labels}
        put(lab, [stand_in])
        until(lambda: ready(lab, NAMESPACE, f"{SERVICE}-handover"), 40)
        lab.api.request("DELETE", f"{deployments}/{SERVICE}", {"propagationPolicy": "Background"})
        adopt(stack, SERVICE)
        lab.api.request("DELETE", f"{deployments}/{SERVICE}-handover", {"propagationPolicy": "Background"})
        until(lambda: f"{NAMESPACE}/{SERVICE}-handover" not in lab.items("/apis/apps/v1/deployments"), 40)
    users.assert_none_failed()
    moved = live(lab, before["Deployment"])
    assert moved["spec"]["selector"]["matchLabels"] == {"app": SERVICE, "version": "v1"}
    assert "timeout" not in live(lab, before["VirtualService"])["spec"]["http"][0]
    assert live(lab, before["PodDisruptionBudget"])["metadata"]["labels"]["tier"] == "business-logic"
    assert stack.outputs()["rollouts"].keys() == {"character-api", SERVICE}


def test_values_of_another_tool_are_taken_by_force_and_the_number_of_pods_is_left(lab, stack, rendered):
    before = old(rendered, SCALED)
    deployment, scaler = before["Deployment"], before["HorizontalPodAutoscaler"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    image, ceiling = container["image"], scaler["spec"]["maxReplicas"]
    container["image"] = "mng990/eco2:of-old"
    container["env"] += [{"name": "OF_OLD", "value": "yes"}]
    deployment["spec"]["replicas"] = 3
    scaler["spec"] |= {"minReplicas": 3, "maxReplicas": 4}
    put(lab, before.values())
    until(lambda: ready(lab, SCALED_NAMESPACE, SCALED), 40)

    adopt(stack, SCALED)
    adopted = live(lab, deployment)
    assert adopted["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert adopted["spec"]["replicas"] == 3
    assert live(lab, scaler)["spec"]["maxReplicas"] == ceiling
    for document in before.values():
        assert live(lab, document)["metadata"]["annotations"][FORCE] == "true"
        assert managers(lab, document) == {"eco2", KUBECTL}
    # What the other tool alone had named is still there, until the update that takes its fields over.
    assert "OF_OLD" in str(adopted["spec"]["template"])


def test_the_rest_follows_and_the_other_tool_owns_nothing_any_more(lab, stack, rendered):
    stack.up()
    stack.pulumi("preview", "--expect-no-changes")
    unforced = ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget")
    for kind in unforced:
        document = old(rendered, SCALED)[kind]
        assert FORCE not in live(lab, document)["metadata"]["annotations"]
        assert managers(lab, document) == {"eco2"}
    deployment = live(lab, old(rendered, SCALED)["Deployment"])
    assert "OF_OLD" not in str(deployment["spec"]["template"])
    assert deployment["spec"]["replicas"] > 1  # its autoscaler's, which shrinks it slowly
    # The rehearsal: nothing need be forced.
    stack.advance(SERVICE, 1)
    assert send(lab, HOST, OPEN, 20, "--header")["answers"] == {"v2": 20}
    stack.advance(SERVICE, 0)
    stack.pulumi("preview", "--expect-no-changes")


def test_fields_that_another_tool_shares_are_a_conflict_until_it_is_struck_from_the_object(
    lab, stack, rendered
):
    deployment = old(rendered, SERVICE)["Deployment"]
    # Argo CD synchronizes once more, before it is let go: the same values, and owned by it as well.
    body = {key: deployment[key] for key in ("apiVersion", "kind", "spec")}
    body["metadata"] = {"name": SERVICE, "namespace": NAMESPACE}
    query = {"fieldManager": ARGO, "force": "true"}
    lab.api.request("PATCH", f"{path(deployment)}/{SERVICE}", body, query, APPLY)
    stack.change(services={SERVICE: {"image": {"tag": "chat-api-dev-next"}}})
    refused = stack.up(check=False)
    assert f'conflict with "{ARGO}"' in refused
    # `kubectl replace` with what docs/migration.md strikes from `managedFields`.
    found = live(lab, deployment)
    entries = found["metadata"]["managedFields"]
    found["metadata"]["managedFields"] = [one for one in entries if one["manager"] != ARGO]
    lab.api.request("PUT", f"{path(deployment)}/{SERVICE}", found, {"fieldManager": "kubectl-replace"})
    assert ARGO not in managers(lab, deployment)
    stack.up()
    assert "chat-api-dev-next" in str(live(lab, deployment)["spec"])


def test_an_adoption_once_more_takes_one_service_back_from_any_hand(lab, stack, rendered):
    deployment = old(rendered, SERVICE)["Deployment"]
    body = {key: deployment[key] for key in ("apiVersion", "kind")}
    body |= {"metadata": {"name": SERVICE, "namespace": NAMESPACE}, "spec": {"minReadySeconds": 3}}
    body["spec"]["progressDeadlineSeconds"] = 1234
    query = {"fieldManager": "somebody", "force": "true"}
    lab.api.request("PATCH", f"{path(deployment)}/{SERVICE}", body, query, APPLY)
    adopt(stack, SERVICE)
    assert live(lab, deployment)["spec"]["progressDeadlineSeconds"] != 1234
    stack.up()
    stack.pulumi("preview", "--expect-no-changes")

"""The doctor on a real cluster: whole, and with something taken away."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.updates import until

pytestmark = [pytest.mark.lab, pytest.mark.rare]
SERVED = "/apis/networking.istio.io/v1"
ISTIO = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/virtualservices.networking.istio.io"


def doctor(stack, **environment):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "eco2",
            "doctor",
            "--stack",
            stack.name,
            "--project",
            str(stack.folder),
            "--json",
        ],
        env={**stack.lab.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    findings = json.loads(done.stdout)
    missing = [one for one in findings if one["state"] == "missing"]
    assert done.returncode == bool(missing)
    return findings, missing


def test_a_lab_lacks_nothing_but_what_others_own(stack):
    findings, missing = doctor(stack)
    assert missing == []
    fine = [one["what"] for one in findings if one["state"] == "fine"]
    assert "all 59 that updates need" in fine
    assert any(one.startswith("gateway istio-system/eco2-gateway takes") for one in fine)
    assert sum("with label and taint" in one for one in fine) == 10
    warnings = [one["what"] for one in findings if one["state"] == "warning"]
    assert any(
        "auth-api: ConfigMap auth-config" in one and "CreateContainerConfigError" in one for one in warnings
    )


def test_a_wrong_context(stack):
    stack.pulumi("config", "set", "kubernetes:context", "eco2-dve")
    _, missing = doctor(stack)
    assert "did you mean eco2-dev?" in missing[0]["what"]
    assert missing[0]["remedy"].startswith("aws eks update-kubeconfig --name eco2-dev")
    stack.pulumi("config", "set", "kubernetes:context", "eco2-dev")


def test_no_cli_on_path(stack, tmp_path):
    _, missing = doctor(stack, PATH=str(tmp_path))
    assert [one["what"] for one in missing] == ["no pulumi on PATH"]


def test_a_node_group_without_its_taint_and_the_remedy_as_printed(stack, lab):
    node, document = next(
        (name.lstrip("/"), one)
        for name, one in lab.items("/api/v1/nodes").items()
        if one["metadata"]["labels"].get("domain") == "auth"
    )
    group = document["metadata"]["labels"]["eks.amazonaws.com/nodegroup"]
    path = f"/api/v1/nodes/{node}"
    lab.api.request("PATCH", path, {"spec": {"taints": None}}, content_type="application/merge-patch+json")
    _, missing = doctor(stack)
    assert len(missing) == 1
    assert f"node group {group} ({node}) lack the taint domain=auth:NoSchedule" in missing[0]["what"]
    now, _, later = missing[0]["remedy"].partition(", and for the node group: ")
    assert now == f"kubectl --context eco2-dev taint nodes {node} domain=auth:NoSchedule --overwrite"
    assert later == "pulumi up --refresh --stack dev"
    taint = {"key": "domain", "value": "auth", "effect": "NoSchedule"}
    lab.api.request("PATCH", path, {"spec": {"taints": [taint]}}, content_type="application/merge-patch+json")
    assert doctor(stack)[1] == []


def test_an_istiod_that_is_too_old_is_told_and_one_that_nobody_knows_is_not_called_fine(stack, lab):
    def told():
        return [one for one in doctor(stack)[0] if one["group"] == "Istio" and "istiod" in one["what"]]

    # The lab's istiod is a process of this machine.
    assert [one["state"] for one in told()] == ["unchecked"]
    labels = {"app": "istiod"}
    container = {"name": "discovery", "image": "docker.io/istio/pilot:1.21.6"}
    document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "istiod", "namespace": "istio-system", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    lab.api.apply(document, "test")
    (old,) = told()
    print(old)
    assert (old["state"], old["what"].partition(",")[0]) == ("missing", "istiod is 1.21.6")
    container["image"] = "docker.io/istio/pilot:1.27.1"
    lab.api.apply(document, "test")
    assert [(one["state"], one["what"]) for one in told()] == [("fine", "istiod is 1.27.1")]
    lab.api.request("DELETE", "/apis/apps/v1/namespaces/istio-system/deployments/istiod")


def test_no_istio_definitions(stack, lab):
    lab.api.request("DELETE", ISTIO)
    # The server forgets a definition after its objects.
    until(lambda: "VirtualService" not in str(lab.api.request("GET", SERVED)), "the definition, gone")
    _, missing = doctor(stack)
    assert [one["group"] for one in missing] == ["Istio"]
    assert "knows no VirtualService of networking.istio.io/v1" in missing[0]["what"]
    assert "helm install istio-base" in missing[0]["remedy"]

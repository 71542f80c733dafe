"""Somebody who has one role in a lab's cluster, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import yaml

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


def with_role(lab, folder, role):
    """The lab as somebody sees it who has one cluster role; their kubeconfig is a file in the folder."""
    lab.api.request("POST", ACCOUNTS, {"metadata": {"name": role}})
    binding = {
        "metadata": {"name": f"test-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": role, "namespace": "default"}],
    }
    lab.api.request("POST", f"{RBAC}/clusterrolebindings", binding)
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = lab.api.request("POST", f"{ACCOUNTS}/{role}/token", asked)["status"]["token"]
    own = yaml.safe_load((lab.home / lab.name / "kubeconfig").read_text())
    for user in own["users"]:
        user["user"] = {"token": token}
    path = folder / f"{role}.kubeconfig"
    path.write_text(yaml.safe_dump(own))
    seen = replace(lab)
    seen.__dict__["variables"] = {**lab.variables, "KUBECONFIG": str(path)}
    return seen

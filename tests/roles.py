"""What the roles of docs/iam/rbac.yaml allow, and somebody in a lab who is in one of its groups."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import yaml

from tests.conftest import ROOT

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


@cache
def documents() -> list[dict[str, Any]]:
    """The objects of docs/iam/rbac.yaml."""
    return list(yaml.safe_load_all((ROOT / "docs/iam/rbac.yaml").read_text()))


def bindings(group: str) -> list[dict[str, Any]]:
    """Those of the file that bind a group."""
    return [one for one in documents() if any(who["name"] == group for who in one.get("subjects", ()))]


def granted(group: str, verb: str, api: str, resource: str, namespace: str = "", name: str = "") -> bool:
    """Whether the file gives a group a right, as Kubernetes decides it."""
    roles = {one["metadata"]["name"]: one["rules"] for one in documents() if "rules" in one}
    return any(
        verb in rule["verbs"]
        and api in rule["apiGroups"]
        and resource in rule["resources"]
        and (not rule.get("resourceNames") or name in rule["resourceNames"])
        for binding in bindings(group)
        if binding["kind"] == "ClusterRoleBinding" or namespace == binding["metadata"]["namespace"]
        for rule in roles[binding["roleRef"]["name"]]
    )


def create(lab, document):
    """Creates an object of the file in a lab."""
    kind, namespace = document["kind"], document["metadata"].get("namespace")
    if kind == "Namespace":
        lab.api.request("POST", "/api/v1/namespaces", document)
        return
    place = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
    lab.api.request("POST", f"{place}/{kind.lower()}s", document)


def in_group(lab, folder, group):
    """The lab as somebody sees it who is in a group of the file; its objects but the bindings are there."""
    who = _account(lab, group)
    for binding in bindings(group):
        meta = {**binding["metadata"], "name": f"test-{binding['metadata']['name']}"}
        create(lab, {**binding, "metadata": meta, "subjects": [who]})
    return _seen_by(lab, folder, group)


def with_role(lab, folder, role):
    """The lab as somebody sees it who has one cluster role; their kubeconfig is a file in the folder."""
    binding = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"test-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [_account(lab, role)],
    }
    create(lab, binding)
    return _seen_by(lab, folder, role)


def _account(lab, name):
    lab.api.request("POST", ACCOUNTS, {"metadata": {"name": name}})
    return {"kind": "ServiceAccount", "name": name, "namespace": "default"}


def _seen_by(lab, folder, account):
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = lab.api.request("POST", f"{ACCOUNTS}/{account}/token", asked)["status"]["token"]
    own = yaml.safe_load((lab.home / lab.name / "kubeconfig").read_text())
    for user in own["users"]:
        user["user"] = {"token": token}
    path = folder / f"{account}.kubeconfig"
    path.write_text(yaml.safe_dump(own))
    seen = replace(lab)
    seen.__dict__["variables"] = {**lab.variables, "KUBECONFIG": str(path)}
    return seen

"""The cluster roles of docs/iam/rbac.yaml are enough: for a whole update, and for an abort's first stroke."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lab.api import Api, ApiError, connection
from tests.conftest import ROOT, new_stack
from tests.traffic import HOST, PATHS, send

pytestmark = [pytest.mark.lab, pytest.mark.long]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


def kubeconfig(lab, folder, role):
    """A kubeconfig of somebody who has one of the roles and nothing else."""
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
    path = folder / role
    path.write_text(yaml.safe_dump(own))
    return path


@pytest.fixture(scope="module")
def people(lab, tmp_path_factory):
    """The lab as each role sees it."""
    for document in yaml.safe_load_all((ROOT / "docs/iam/rbac.yaml").read_text()):
        lab.api.request("POST", f"{RBAC}/{document['kind'].lower()}s", document)
    folder = tmp_path_factory.mktemp("kubeconfigs")
    found = {}
    for role in ("eco2-deploy", "eco2-first-stroke"):
        found[role] = replace(lab)
        found[role].__dict__["variables"] = {
            **lab.variables,
            "KUBECONFIG": str(kubeconfig(lab, folder, role)),
        }
    return found


@pytest.fixture(scope="module")
def stack(people, tmp_path_factory):
    made = new_stack(people["eco2-deploy"], tmp_path_factory.mktemp("project"), "dev")
    made.up()
    return made


def test_the_deploy_role_is_enough_for_updates_up_and_down(stack):
    stack.climb("auth-api", 2)
    stack.climb("ext-authz", 1)
    stack.advance("ext-authz", 0)
    stack.pulumi("refresh", "--yes", "--skip-preview", "--run-program")


def test_the_first_stroke_s_role_is_enough_for_it_and_for_nothing_more(stack, people, lab):
    on_call = people["eco2-first-stroke"]
    command = [sys.executable, "-m", "eco2", "abort", "auth-api", "--no-reconcile", "--stack", stack.name]
    done = subprocess.run(
        [*command, "--project", str(stack.folder)],
        env=on_call.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "auth-api: all traffic to stable" in done.stdout
    assert send(lab, HOST, PATHS["auth-api"], 50, "--header")["answers"] == {"v1": 50}
    path = "/apis/apps/v1/namespaces/auth/deployments/auth-api"
    with pytest.raises(ApiError, match="forbidden"):
        Api(connection(Path(on_call.variables["KUBECONFIG"]), "eco2-dev")).request("DELETE", path)

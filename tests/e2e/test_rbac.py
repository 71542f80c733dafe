"""The roles of docs/iam/rbac.yaml are enough: for a whole update, and for an abort's first stroke."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.api import Api, ApiError, connection
from tests.conftest import new_stack
from tests.roles import create, documents, in_group
from tests.traffic import HOST, PATHS, send

pytestmark = [pytest.mark.lab, pytest.mark.long]


@pytest.fixture(scope="module")
def people(lab, tmp_path_factory):
    """The lab as each role sees it."""
    for document in documents():
        create(lab, document)
    folder = tmp_path_factory.mktemp("kubeconfigs")
    return {group: in_group(lab, folder, group) for group in ("eco2-deploy", "eco2-on-call")}


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
    on_call = people["eco2-on-call"]

    def abort(*services, code=0):
        command = [sys.executable, "-m", "eco2", "abort", *services, "--no-reconcile", "--stack", stack.name]
        done = subprocess.run(
            [*command, "--project", str(stack.folder)],
            env=on_call.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "auth-api: all traffic to stable" in done.stdout
        assert send(lab, HOST, PATHS["auth-api"], 50, "--header")["answers"] == {"v1": 50}
        return done

    stack.climb("scan-worker", 2)
    done = abort("auth-api", "scan-worker")
    assert "scan-worker-canary: scaled to 0; its pods finish their message" in done.stdout
    worker = "/apis/apps/v1/namespaces/scan/deployments/scan-worker-canary"
    assert lab.api.request("GET", worker)["spec"]["replicas"] == 0
    stack.pulumi("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    assert send(lab, HOST, PATHS["auth-api"], 50, "--header")["answers"] == {"v2": 50}
    catalog = stack.folder / "services.yaml"
    known = catalog.read_text()
    # The role may list its namespaces one by one, and so finds what this checkout does not know.
    catalog.write_text(known.replace("\n  auth-api:\n", "\n  auth-api-new:\n"))
    done = abort("--all", code=1)
    assert "auth-api: this checkout's services.yaml does not know it" in done.stdout
    assert "auth-api-new: no route was found" in done.stderr
    catalog.write_text(known)
    path = "/apis/apps/v1/namespaces/auth/deployments/auth-api"
    theirs = Api(connection(Path(on_call.variables["KUBECONFIG"]), "eco2-dev"))
    with pytest.raises(ApiError, match="forbidden"):
        theirs.request("DELETE", path)
    # To write a canary would be to run any image.
    with pytest.raises(ApiError, match="forbidden"):
        theirs.request("PATCH", worker, {"spec": {"paused": True}}, None, "application/merge-patch+json")

"""What the doctor says of machines and clusters that lack something: what is missing, and the way to get it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from eco2.doctor import pulumi as pulumi_checks
from eco2.doctor.examine import examine
from eco2.doctor.files import ProjectFiles, connect, read_files
from eco2.doctor.finding import CheckResult, asked
from eco2.doctor.nodes import nodes
from eco2.doctor.platform import istio, keda, rights
from eco2.doctor.references import references
from eco2.stack.cli import PulumiError
from kube.errors import ClusterError
from tests.conftest import ROOT, copy_project
from tests.roles import granted
from tests.unit.kubernetes_objects import node

CONTEXT = "eco2-dev"
ISTIO = "/apis/networking.istio.io/v1"
KINDS = {"resources": [{"kind": kind} for kind in ("VirtualService", "DestinationRule", "Gateway")]}


class Cluster:
    """A cluster whose answers a test lists by path."""

    def __init__(self, answers=(), lists=(), names=(), denied=()):
        self.answers, self.lists, self.objects, self.denied = dict(answers), dict(lists), dict(names), denied

    def get(self, path):
        return self.answers.get(path)

    def list(self, path):
        return self.lists.get(path, [])

    def names(self, path):
        return set(self.objects.get(path, ()))

    def may(self, verb, group, resource, namespace="", name=""):
        return not any(resource == one and namespace not in allowed for one, allowed in self.denied)


@pytest.fixture
def known():
    return read_files(ROOT, "dev")[0]


def only(findings, state="missing"):
    return [one for one in findings if one.state == state]


def run(tmp_path, env, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "eco2", "doctor", "--stack", "dev", "--project", str(ROOT), *arguments],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_installed_names_the_cli_and_the_kubeconfig_and_goes_on(tmp_path):
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = run(tmp_path, env, "--json")
    assert done.returncode == 1, done.stderr
    findings = [CheckResult(**one) for one in json.loads(done.stdout)]
    assert [(one.what, one.remedy) for one in only(findings)] == [
        ("no pulumi on PATH", "curl -fsSL https://get.pulumi.com | sh"),
        (
            f"no kubeconfig ({tmp_path}/.kube/config)",
            "aws eks update-kubeconfig --name eco2-dev --region ap-northeast-2 --alias eco2-dev",
        ),
    ]
    skipped = [one for one in findings if one.state == "unchecked"]
    assert {one.group for one in skipped} >= {"Pulumi", "rights", "Istio", "KEDA", "nodes"}
    assert all("not checked" in one.what for one in skipped)
    words = run(tmp_path, env)
    assert "✗ no pulumi on PATH" in words.stdout
    assert "→ curl" in words.stdout
    assert "\x1b" not in words.stdout


def test_a_wrong_context_is_named_with_the_nearest_and_the_command(tmp_path, monkeypatch, known):
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text("contexts: [{name: eco2-dve, context: {}}, {name: other, context: {}}]\n")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    cluster, found = connect(known)
    assert cluster is None
    assert f"no context eco2-dev in {kubeconfig}; did you mean eco2-dve?" in found[0].what
    assert found[0].remedy.endswith("--alias eco2-dev")


def test_a_command_for_a_shell_holds_no_words_of_a_file_that_cannot_be_used(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    known = ProjectFiles("dev", {"aws:region": "x; touch hit", "kubernetes:context": "$(touch hit)"})
    (found,) = connect(known)[1]
    assert found.remedy.endswith("--region 'x; touch hit' --alias '$(touch hit)'")


def test_a_cluster_that_does_not_answer(tmp_path, monkeypatch, known):
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncontexts: [{name: eco2-dev, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\nusers: [{name: u, user: {}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    cluster, found = connect(known)
    assert cluster is None
    assert "does not answer" in only(found)[0].what
    assert only(found)[0].remedy == "kubectl --context eco2-dev get --raw /readyz"


def test_a_stack_file_without_a_context(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("contexts: []\n")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    _, found = connect(ProjectFiles("dev", {}))
    assert found[0].remedy == "pulumi config set kubernetes:context CONTEXT --stack dev"


def test_mistakes_in_the_files_are_findings_and_no_end(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", "")
    project = copy_project(tmp_path / "project")
    (project / "services.yaml").write_text("services: [")
    findings = examine(project, "nonsense")
    told = [one.what for one in only(findings)]
    assert any(one.startswith("services.yaml: is not valid YAML") for one in told)
    assert any(one.startswith("Pulumi.nonsense.yaml: cannot be read") for one in told)


def test_no_istio_names_the_kinds_and_how_to_install(known):
    found = istio(Cluster(), known.catalog, known.settings.host, CONTEXT)
    assert only(found)[0].what == (
        "the cluster knows no VirtualService, DestinationRule, Gateway of networking.istio.io/v1"
    )
    assert "helm install istio-base" in only(found)[0].remedy


def test_no_keda_names_who_needs_it(known):
    found = keda(Cluster(), known.catalog)
    assert "scan-worker" in only(found)[0].what
    assert "helm install keda" in only(found)[0].remedy
    there = {"/apis/keda.sh/v1alpha1": {"resources": [{"kind": "ScaledObject"}]}}
    assert only(keda(Cluster(there), known.catalog)) == []


def gateway(*hosts):
    place = f"{ISTIO}/namespaces/istio-system/gateways/eco2-gateway"
    return {ISTIO: KINDS, place: {"spec": {"servers": [{"hosts": list(hosts)}]}}}


def test_the_gateway_is_there_and_takes_the_stacks_host(known):
    def told(answers):
        return [
            one.what for one in only(istio(Cluster(answers), known.catalog, known.settings.host, CONTEXT))
        ]

    assert told({ISTIO: KINDS}) == ["no gateway istio-system/eco2-gateway, which services.yaml names"]
    assert "does not take api.dev.growbin.app; it takes example.com" in told(gateway("example.com"))[0]
    for host in ("*", "api.dev.growbin.app", "*.dev.growbin.app", "*/api.dev.growbin.app"):
        assert told(gateway(host)) == []


def test_sidecars(known):
    hooks = {
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": [
            ("", "istio-sidecar-injector")
        ]
    }

    def found(names, labels):
        spaces = [{"metadata": {"name": "auth", "labels": labels}}]
        cluster = Cluster(gateway("*"), {"/api/v1/namespaces": spaces}, names)
        return [(one.state, one.what) for one in istio(cluster, known.catalog, None, CONTEXT)][-1]

    assert found({}, {})[0] == "warning"
    assert found(hooks, {}) == ("missing", "no sidecars in auth: calls from there ignore the routes")
    assert found(hooks, {"istio-injection": "enabled"})[0] == "fine"
    assert found(hooks, {"istio.io/rev": "stable"})[0] == "fine"


def test_rights_that_are_denied_everywhere_or_in_some_namespaces(known):
    assert only(rights(Cluster(), known.catalog, CONTEXT)) == []
    spaces = [space for space in known.catalog.namespaces if space != "auth"]
    somewhere = only(rights(Cluster(denied=[("deployments", spaces)]), known.catalog, CONTEXT))
    assert [one.what for one in somewhere] == [
        (
            "this context's user may not create,get,list,watch,patch,delete deployments.apps in auth; "
            "an update would wait for its first Deployment for ever, without a word"
        )
    ]
    assert "apply -f docs/iam/rbac.yaml" in somewhere[0].remedy
    nowhere_but_there = rights(
        Cluster(denied=[("deployments", known.catalog.namespaces)]), known.catalog, CONTEXT
    )
    assert only(nowhere_but_there) == []
    wide = only(rights(Cluster(denied=[("namespaces", ["auth"])]), known.catalog, CONTEXT))
    assert wide[0].what == "this context's user may not get,list,watch,create namespaces in the cluster"


def test_a_claim_that_may_not_be_watched_would_hold_an_update_up_for_ever(known):
    spaces = [space for space in known.catalog.namespaces if space != "auth"]
    found = only(rights(Cluster(denied=[("persistentvolumeclaims", spaces)]), known.catalog, CONTEXT))
    assert [one.what for one in found] == [
        (
            "this context's user may not get,list,watch persistentvolumeclaims in auth; "
            "an update would wait for its first Deployment for ever, without a word"
        )
    ]
    events = only(rights(Cluster(denied=[("events", spaces)]), known.catalog, CONTEXT))
    assert [one.what for one in events] == ["this context's user may not get,list,watch events in auth"]


def test_the_deploy_role_grants_every_right_that_the_doctor_asks_for(known):
    class Role(Cluster):
        def may(self, verb, group, resource, namespace="", name=""):
            return granted("eco2-deploy", verb, group, resource, namespace, name)

    there = Role(names={"/api/v1/namespaces": [("", name) for name in known.catalog.namespaces]})
    assert [one.what for one in rights(there, known.catalog, CONTEXT)] == ["all 59 that updates need"]
    # Namespaces are the file's to create.
    assert [one.what for one in only(rights(Role(), known.catalog, CONTEXT))] == [
        "this context's user may not create namespaces in the cluster"
    ]


def healthy(domain, name=None):
    return node(name or f"ip-{domain}", {"domain": domain}, [("domain", domain)])


def look(there, smallest=1):
    cluster = Cluster(lists={"/api/v1/nodes": there})
    return nodes(cluster, ["auth", "chat"], {"auth": smallest, "chat": 1}, "dev", CONTEXT)


def test_nodes_with_label_and_taint_are_fine():
    assert [one.state for one in look([healthy("auth"), healthy("chat")])] == ["fine", "fine"]


def test_a_node_group_without_its_taint_is_named_with_the_remedy():
    bare = node("ip-1", {"domain": "auth", "eks.amazonaws.com/nodegroup": "auth-1a2b3c"})
    found = only(look([bare, healthy("chat")]))
    assert len(found) == 1
    assert "node group auth-1a2b3c (ip-1) lack the taint domain=auth:NoSchedule" in found[0].what
    assert "kubectl --context eco2-dev taint nodes ip-1 domain=auth:NoSchedule --overwrite" in found[0].remedy
    assert "pulumi up --refresh --stack dev" in found[0].remedy


def test_a_taint_of_another_value_is_none():
    wrong = node("ip-1", {"domain": "auth"}, [("domain", "chat")])
    told = [one.what for one in only(look([wrong, healthy("chat")]))]
    assert "lack the taint domain=auth:NoSchedule" in told[0]
    assert "have the taint and lack the label domain=chat" in told[1]


def test_a_tainted_node_without_its_label_is_named():
    bare = node("ip-1", {}, [("domain", "auth")])
    found = only(look([bare, healthy("chat")]))
    assert "lack the label domain=auth" in found[0].what
    assert "label nodes ip-1 domain=auth" in found[0].remedy


def test_domains_without_nodes():
    assert "first update makes the node groups" in only(look([]))[0].what
    assert "no node with the label domain=auth" in only(look([healthy("chat")]))[0].what
    assert only(look([healthy("chat")], smallest=0)) == []


def test_nodes_that_are_not_ready_are_a_warning():
    sick = node("ip-1", {"domain": "auth"}, [("domain", "auth")], ready="Unknown")
    found = look([sick, healthy("chat")])
    assert only(found) == []
    assert "not ready" in only(found, "warning")[0].what


def test_missing_configmaps_and_secrets_are_warnings_by_service(known):
    services = known.catalog.services
    names = {
        "/api/v1/configmaps": [("auth", "auth-config")],
        "/api/v1/secrets": [(space, "dockerhub-secret") for space in known.catalog.namespaces],
    }
    found = references(Cluster(names=names), known.catalog, services, CONTEXT)
    assert only(found) == []
    own = next(one for one in found if one.what.startswith("auth-api:"))
    assert own.state == "warning"
    assert "Secret auth-secret missing in namespace auth" in own.what
    assert "auth-config" not in own.what
    assert "would stay in CreateContainerConfigError" in own.what
    assert (
        own.remedy
        == "kubectl --context eco2-dev -n auth create secret generic auth-secret --from-env-file=FILE"
    )
    assert not any("dockerhub-secret" in one.what for one in found)
    without = references(Cluster(), known.catalog, services, CONTEXT)
    assert sum("dockerhub-secret" in one.what for one in without) == 1


def test_a_check_that_the_cluster_refuses_is_not_checked():
    def refused():
        raise ClusterError("forbidden")

    assert [(one.state, one.what) for one in asked("nodes", refused)] == [
        ("unchecked", "not checked: forbidden")
    ]


class Cli:
    """Pulumi's CLI, with the answers of a test by its first words."""

    def __init__(self, **answers):
        self.answers = {
            "version": "v3.259.0",
            "plugin": '[{"name": "kubernetes", "kind": "resource"}, {"name": "aws", "kind": "resource"}]',
            "whoami": '{"url": "s3://state"}',
            "stack_export": '{"deployment": {}}',
            "stack_ls": '[{"name": "dev", "updateInProgress": false}]',
            **answers,
        }

    def __call__(self, *arguments):
        key = "_".join(arguments[:2]) if arguments[0] == "stack" else arguments[0]
        answer = self.answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def cli(monkeypatch):
    def use(**answers):
        stand_in = Cli(**answers)
        monkeypatch.setattr(pulumi_checks, "cli", stand_in)
        monkeypatch.setattr(pulumi_checks, "pulumi", lambda _project, _stack, *more: stand_in(*more))
        monkeypatch.setattr(
            pulumi_checks.shutil,
            "which",
            lambda name: f"/usr/bin/{name}" if "resource" not in name else None,
        )
        return pulumi_checks.examine(ROOT, "dev")

    return use


def test_a_pulumi_in_order(cli):
    assert {one.state for one in cli()} == {"fine"}


@pytest.mark.parametrize(
    ("answers", "state", "what", "remedy"),
    [
        (
            {"version": "v3.200.1"},
            "missing",
            "the CLI is v3.200.1; 3.238 or later is needed",
            "get.pulumi.com",
        ),
        ({"version": ""}, "warning", "says nothing of its version", ""),
        ({"plugin": "[]"}, "warning", "plugin aws is not there", "pulumi plugin install resource aws 7."),
        (
            {"whoami": PulumiError("please run\npulumi login")},
            "missing",
            "please run pulumi login",
            "pulumi login",
        ),
        (
            {"stack_export": PulumiError("error: no stack named 'dev' found")},
            "missing",
            "no stack dev",
            "pulumi stack init dev",
        ),
        (
            {"stack_export": '{"deployment": {"pending_operations": [1, 2]}}'},
            "missing",
            "2 operations that an interrupted update left open",
            "eco2 recover --stack dev",
        ),
        (
            {"stack_ls": '[{"name": "org/eco2/dev", "updateInProgress": true}]'},
            "warning",
            "an update runs, or was interrupted",
            "eco2 recover --stack dev",
        ),
    ],
)
def test_what_is_wrong_with_pulumi(cli, answers, state, what, remedy):
    found = only(cli(**answers), state)
    assert any(what in one.what and remedy in one.remedy for one in found), found


@pytest.mark.parametrize("alive", [True, False])
def test_a_lock_left_over_in_a_backend_of_files(cli, tmp_path, alive):
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "eco2" / "dev"
    folder.mkdir(parents=True)
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock = {"pid": os.getpid() if alive else ended.pid, "username": "me", "hostname": socket.gethostname()}
    (folder / "1.json").write_text(json.dumps(lock))
    found = cli(whoami=json.dumps({"url": f"file://{tmp_path}"}))
    state, told = ("warning", "an update runs") if alive else ("missing", "which has ended")
    locked = [one for one in found if "is locked by me@" in one.what]
    assert [(one.state, told in one.what) for one in locked] == [(state, True)]
    assert "eco2 recover --stack dev" in locked[0].remedy

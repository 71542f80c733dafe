"""The policies of docs/iam: their shape, and that each grants what it must and no more."""

from __future__ import annotations

import json
import re

import pytest

from components.node_role import POLICIES
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.policies import allows, listed, policy
from tests.recorder import ACCOUNT, REGION, Call
from tests.roles import bindings, documents, granted

FOLDER = ROOT / "docs/iam"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
NODES = f"arn:aws:iam::{ACCOUNT}:role/eco2-prod-nodes"


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_has_iam_s_shape(name):
    document = policy(name)
    assert document.keys() == {"Version", "Statement"}
    assert document["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)
    for statement in document["Statement"]:
        owner = {"Principal"} if name == "trust" else {"Resource"}
        assert (
            {"Sid", "Effect", "Action", *owner}
            <= statement.keys()
            <= {"Sid", "Effect", "Action", "Condition", *owner}
        )
        assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])  # IAM takes nothing else
        for action in listed(statement["Action"]):
            assert re.fullmatch(r"(eks|ec2|iam|s3|kms|sts):[A-Z][A-Za-z]+", action), action
    # A managed policy holds 6,144 characters, white space not counted.
    assert len(re.sub(r"\s", "", json.dumps(document))) < 6144


def test_no_action_is_a_glob_and_only_what_knows_no_arn_is_for_all_resources():
    everywhere = [
        action
        for name in NAMES
        for statement in policy(name)["Statement"]
        if statement.get("Resource") == "*"
        for action in listed(statement["Action"])
    ]
    assert everywhere == [
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeSubnets",
    ]


def test_the_node_role_takes_the_program_s_policies_and_no_others():
    def attach(name):
        return Call("iam:AttachRolePolicy", NODES, (("iam:PolicyARN", f"arn:aws:iam::aws:policy/{name}"),))

    assert all(allows(policy("deploy"), attach(name)) for name in POLICIES)
    assert not allows(policy("deploy"), attach("AdministratorAccess"))


@pytest.mark.parametrize(
    "call",
    [
        Call("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/somebody-else"),
        Call("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/somebody-else"),
        Call("iam:PassRole", NODES, (("iam:PassedToService", "lambda.amazonaws.com"),)),
        Call("iam:PutRolePolicy", NODES),
        # Whoever may write its trust may take the role on.
        Call("iam:UpdateAssumeRolePolicy", NODES),
        Call("eks:DeleteCluster", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eco2-prod"),
        Call("eks:DeleteNodegroup", f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/other/auth/0000"),
        Call("eks:CreateAccessEntry", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eco2-prod"),
    ],
    ids=lambda call: call.action,
)
def test_the_deploy_role_may_not(call):
    assert not allows(policy("deploy"), call)


def test_the_trust_is_one_environment_of_one_repository():
    (statement,) = policy("trust")["Statement"]
    condition = statement["Condition"]["StringEquals"]
    assert condition["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    assert "*" not in condition["token.actions.githubusercontent.com:sub"]


def test_the_cluster_role_covers_every_kind_that_the_program_applies(program):
    roles = [
        one
        for one in documents()
        if one["kind"] == "ClusterRole" and one["metadata"]["name"] != "eco2-first-stroke"
    ]
    writing = [rule for one in roles for rule in one["rules"] if "patch" in rule["verbs"]]
    changed = {(rule["apiGroups"][0], kind) for rule in writing for kind in rule["resources"]}
    # Only an abort's first stroke asks for a part of an object.
    assert {one for one in changed if "/" in one[1]} == {("apps", "deployments/scale")}
    changed.remove(("apps", "deployments/scale"))
    applied = set()
    for stack in ("dev", "prod"):
        for one in program.run(stack).resources:
            if one.type.startswith("kubernetes:") and "metadata" in one.inputs:
                group, _, rest = one.type.removeprefix("kubernetes:").partition("/")
                kind = rest.rsplit(":", 1)[1].lower()
                applied.add(("" if group == "core" else group, f"{kind}s"))
    assert applied == changed


STATE = "arn:aws:s3:::eco2-pulumi-state/.pulumi"
ENVIRONMENT = "aws:ResourceTag/eco2:environment"
REQUESTED = "aws:RequestTag/eco2:environment"
TEMPLATE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:launch-template/lt-0000"
IMAGE = f"arn:aws:ec2:{REGION}::image/ami-0000"
GROUP = f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/eco2-prod/{{}}-1a2b3c/0000"


def files(stack):
    return [
        f"{STATE}/stacks/eco2/{stack}.json",
        f"{STATE}/stacks/eco2/{stack}.json.bak",
        f"{STATE}/history/eco2/{stack}/{stack}-1.history.json",
        f"{STATE}/backups/eco2/{stack}/{stack}.1.json",
        f"{STATE}/locks/organization/eco2/{stack}/0000.json",
    ]


def test_a_stack_s_role_keeps_its_own_state_and_reads_no_other():
    actions = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
    assert all(allows(policy("state"), Call(action, one)) for action in actions for one in files("prod"))
    assert not any(allows(policy("state"), Call(action, one)) for action in actions for one in files("dev"))
    assert allows(policy("state"), Call("s3:GetObject", f"{STATE}/meta.yaml"))
    assert not allows(policy("state"), Call("s3:PutObject", f"{STATE}/meta.yaml"))


@pytest.mark.parametrize("name", ["plan", "preview", "watch"])
def test_who_only_looks_reads_the_state_of_one_stack_and_writes_none(name):
    assert allows(policy(name), Call("s3:GetObject", files("prod")[0]))
    assert not any(allows(policy(name), Call("s3:GetObject", one)) for one in files("dev"))
    assert not any(allows(policy(name), Call("s3:PutObject", one)) for one in files("prod"))


def test_what_a_pull_request_runs_with_opens_no_secret_and_asks_no_cluster():
    actions = {action for one in policy("plan")["Statement"] for action in listed(one["Action"])}
    assert actions == {"s3:ListBucket", "s3:GetObject"}


@pytest.mark.parametrize(
    ("environment", "allowed"),
    [("prod", True), ("dev", False)],
)
@pytest.mark.parametrize(
    ("action", "resource", "key"),
    [
        ("ec2:CreateLaunchTemplate", TEMPLATE, REQUESTED),
        ("ec2:CreateLaunchTemplateVersion", TEMPLATE, ENVIRONMENT),
        ("ec2:ModifyLaunchTemplate", TEMPLATE, ENVIRONMENT),
        ("ec2:DeleteLaunchTemplate", TEMPLATE, ENVIRONMENT),
        ("ec2:RunInstances", TEMPLATE, ENVIRONMENT),
        ("eks:CreateNodegroup", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eco2-prod", REQUESTED),
    ],
)
def test_a_stack_s_role_uses_templates_and_nodes_of_its_own_environment(
    action, resource, key, environment, allowed
):
    call = Call(action, resource, ((key, environment),))
    assert allows(policy("deploy"), call) is allowed


def test_instances_are_launched_from_templates_alone():
    with_template = (("ec2:LaunchTemplate", TEMPLATE),)
    assert allows(policy("deploy"), Call("ec2:RunInstances", IMAGE, with_template))
    assert not allows(policy("deploy"), Call("ec2:RunInstances", IMAGE))


def test_node_groups_of_every_domain_and_no_others_may_be_changed():
    catalog = read_catalog(ROOT / "services.yaml")
    for domain in {service.domain for service in catalog.services.values()}:
        assert allows(policy("deploy"), Call("eks:DeleteNodegroup", GROUP.format(domain)))
    assert not allows(policy("deploy"), Call("eks:DeleteNodegroup", GROUP.format("system")))


GROUPS = ("eco2-deploy", "eco2-on-call")
WITH_THE_WATCH = (*GROUPS, "eco2-watch")
WRITES = ("create", "patch", "update", "delete")


@pytest.mark.parametrize("group", WITH_THE_WATCH)
@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("namespace", ["", "kube-system", "default", "istio-system"])
def test_nobody_of_the_docs_writes_outside_the_services_namespaces(group, verb, namespace):
    kinds = {
        (api, resource)
        for one in documents()
        if one["kind"] == "ClusterRole"
        for rule in one["rules"]
        for api in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert len(kinds) > 10
    assert not any(granted(group, verb, *kind, namespace) for kind in kinds)
    assert not granted(group, verb, "", "namespaces", name=namespace)


@pytest.mark.parametrize("group", WITH_THE_WATCH)
def test_nobody_of_the_docs_reads_a_secret_or_runs_in_a_pod(group):
    kinds = {
        resource for one in documents() for rule in one.get("rules", ()) for resource in rule["resources"]
    }
    assert not kinds & {"secrets", "configmaps", "pods/exec", "serviceaccounts", "roles", "rolebindings", "*"}
    verbs = {verb for one in documents() for rule in one.get("rules", ()) for verb in rule["verbs"]}
    assert not verbs & {"*", "bind", "escalate", "impersonate"}
    assert not granted(group, "get", "", "secrets", "auth")


def test_both_groups_are_bound_in_every_namespace_of_the_services():
    spaces = set(read_catalog(ROOT / "services.yaml").namespaces)
    for group in GROUPS:
        bound = {one["metadata"]["namespace"] for one in bindings(group) if one["kind"] == "RoleBinding"}
        assert bound - {"istio-system"} == spaces
    created = {one["metadata"]["name"] for one in documents() if one["kind"] == "Namespace"}
    assert created == spaces
    assert all(granted("eco2-deploy", "patch", "", "namespaces", name=name) for name in spaces)


def test_a_watch_reads_canaries_and_changes_nothing():
    assert granted("eco2-watch", "list", "", "pods", "auth")
    assert granted("eco2-watch", "get", "networking.istio.io", "virtualservices", "auth")
    kinds = {
        (rule["apiGroups"][0], kind)
        for one in documents()
        for rule in one.get("rules", ())
        for kind in rule["resources"]
    }
    assert not any(granted("eco2-watch", verb, *kind, "auth") for verb in WRITES for kind in kinds)
    actions = {action for one in policy("watch")["Statement"] for action in listed(one["Action"])}
    assert actions == {"eks:DescribeCluster", "s3:ListBucket", "s3:GetObject"}


def test_an_abort_s_first_stroke_changes_routes_and_the_number_of_pods_and_nothing_else():
    for group, resource in (("apps", "deployments/scale"), ("keda.sh", "scaledobjects")):
        for who in GROUPS:
            assert granted(who, "patch", group, resource, "auth")
        others = set(WRITES) - {"patch"}
        assert not any(granted("eco2-on-call", verb, group, resource, "auth") for verb in others)
    for group, resource in (("apps", "deployments"), ("keda.sh", "scaledobjects")):
        assert granted("eco2-on-call", "get", group, resource, "auth")
    assert granted("eco2-on-call", "patch", "networking.istio.io", "virtualservices", "auth")
    assert granted("eco2-on-call", "patch", "", "services", "auth")
    for group, resource in (
        ("networking.istio.io", "virtualservices"),
        ("", "services"),
        ("apps", "deployments"),
    ):
        assert granted(
            "eco2-on-call", "list", group, resource, "auth"
        )  # `--all` looks what a checkout may not know
    # It sees whether istiod hands them on.
    assert granted("eco2-on-call", "list", "apps", "deployments", "istio-system")
    assert not granted("eco2-on-call", "list", "apps", "deployments", "kube-system")
    for verb in WRITES:
        assert not granted("eco2-on-call", verb, "apps", "deployments", "auth")

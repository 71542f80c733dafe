"""The policies of docs/iam: their shape, and that each grants what it must and no more."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from components.node_role import POLICIES
from tests.conftest import ROOT
from tests.policies import allows, listed, policy
from tests.recorder import ACCOUNT, REGION, Call

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
        "ec2:RunInstances",  # bound by its condition to launch templates
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
    documents = list(yaml.safe_load_all((FOLDER / "rbac.yaml").read_text()))
    rules = next(one["rules"] for one in documents if one["metadata"]["name"] == "eco2-deploy")
    writing = [rule for rule in rules if "patch" in rule["verbs"]]
    granted = {(rule["apiGroups"][0], kind) for rule in writing for kind in rule["resources"]}
    applied = set()
    for stack in ("dev", "prod"):
        for one in program.run(stack).resources:
            if one.type.startswith("kubernetes:") and "metadata" in one.inputs:
                group, _, rest = one.type.removeprefix("kubernetes:").partition("/")
                kind = rest.rsplit(":", 1)[1].lower()
                applied.add(("" if group == "core" else group, f"{kind}s"))
    assert applied == granted

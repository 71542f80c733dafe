"""The IAM policy of docs/eks.md allows every call to AWS that a stack's whole life makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import new_stack
from tests.policies import allows, policy
from tests.recorder import Recorder

pytestmark = [pytest.mark.lab, pytest.mark.long]
NODES = ("--target", "**eco2:nodes**", "--target", "**eco2:cluster**")


@pytest.fixture(scope="module")
def calls(lab, tmp_path_factory):
    recorder = Recorder(lab.variables["AWS_ENDPOINT_URL"])
    watched = replace(lab)
    watched.__dict__["variables"] = {**lab.variables, "AWS_ENDPOINT_URL": recorder.url}
    stack = new_stack(watched, tmp_path_factory.mktemp("project"), "prod")
    text = stack.file.read_text().replace('eco2:protect: "true"', 'eco2:protect: "false"')
    stack.file.write_text(text)
    up = ("up", "--yes", "--skip-preview", "--suppress-outputs", *NODES)
    stack.pulumi(*up)
    # What changes in place, in each of the ways that there are: sizes, and a new version of a template.
    stack.file.write_text(
        stack.file.read_text().replace(
            "auth: {min: 2, desired: 2, max: 4}", "auth: {min: 1, desired: 2, max: 5, diskGib: 30}"
        )
    )
    stack.pulumi(*up)
    stack.pulumi("refresh", "--yes", "--skip-preview", "--run-program")
    stack.pulumi("destroy", "--yes", "--skip-preview", "--run-program")
    recorder.close()
    return recorder.calls


def test_the_deploy_role_may_do_all_that_an_update_does(calls):
    both = {"Statement": [*policy("deploy")["Statement"], *policy("state")["Statement"]]}
    assert [one for one in sorted(calls, key=str) if not allows(both, one)] == []


def test_the_calls_were_seen(calls):
    """An empty recording would prove nothing."""
    assert {one.action for one in calls} >= {
        "eks:DescribeCluster",
        "eks:CreateNodegroup",
        "eks:DescribeNodegroup",
        "eks:UpdateNodegroupConfig",
        "eks:DeleteNodegroup",
        "ec2:CreateLaunchTemplate",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:ModifyLaunchTemplate",
        "ec2:DeleteLaunchTemplate",
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:DeleteRole",
    }


def test_the_preview_role_may_do_none_of_what_changes_something(calls):
    changing = [
        one for one in calls if not any(verb in one.action for verb in (":Describe", ":Get", ":List"))
    ]
    assert changing
    assert not any(allows(policy("preview"), one) for one in changing)

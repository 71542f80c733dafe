"""The IAM policy of docs/eks.md allows every call to AWS that a stack's whole life makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import new_stack
from tests.policies import allows, policy
from tests.recorder import Recorder

pytestmark = [pytest.mark.lab, pytest.mark.long]
NODES = ("--target", "**eco2:nodes**", "--target", "**eco2:cluster**")


SIZES = {
    "dev": ("auth: {min: 1, desired: 1, max: 2}", "auth: {min: 1, desired: 1, max: 3, diskGib: 30}"),
    "prod": ("auth: {min: 2, desired: 2, max: 4}", "auth: {min: 1, desired: 2, max: 5, diskGib: 30}"),
}
TAG = "eco2:environment"


@pytest.fixture(scope="module", params=SIZES)
def environment(request):
    return request.param


@pytest.fixture(scope="module")
def calls(environment, lab, tmp_path_factory):
    """What the whole life of a stack asks of AWS."""
    recorder = Recorder(lab.variables["AWS_ENDPOINT_URL"])
    watched = replace(lab)
    watched.__dict__["variables"] = {**lab.variables, "AWS_ENDPOINT_URL": recorder.url}
    stack = new_stack(watched, tmp_path_factory.mktemp("project"), environment)
    text = stack.file.read_text().replace('eco2:protect: "true"', 'eco2:protect: "false"')
    stack.file.write_text(text)
    up = ("up", "--yes", "--skip-preview", "--suppress-outputs", *NODES)
    stack.pulumi(*up)
    # What changes in place, in each of the ways that there are: sizes, and a new version of a template.
    before, after = SIZES[environment]
    assert before in text
    stack.file.write_text(text.replace(before, after))
    stack.pulumi(*up)
    stack.pulumi("refresh", "--yes", "--skip-preview", "--run-program")
    stack.pulumi("destroy", "--yes", "--skip-preview", "--run-program")
    recorder.close()
    return recorder.calls


def roles(environment):
    """The statements that an environment's deployments have."""
    both = (policy("deploy", environment), policy("state", environment))
    return {"Statement": [statement for one in both for statement in one["Statement"]]}


def changing(calls):
    """Those calls that change something, with the tags that the program gives its resources."""
    found = [one for one in calls if not any(verb in one.action for verb in (":Describe", ":Get", ":List"))]
    assert found
    return found


def tagged(call, environment):
    tags = ((f"aws:{kind}/{TAG}", environment) for kind in ("RequestTag", "ResourceTag"))
    return replace(call, context=(*call.context, *tags, ("ec2:CreateAction", "none")))


def test_the_deploy_role_may_do_all_that_an_update_does(calls, environment):
    assert [one for one in sorted(calls, key=str) if not allows(roles(environment), one)] == []
    own = [tagged(one, environment) for one in changing(calls)]
    assert [one for one in sorted(own, key=str) if not allows(roles(environment), one)] == []


def test_the_other_environment_s_role_may_change_nothing_of_it(calls, environment):
    (other,) = SIZES.keys() - {environment}
    theirs = [tagged(one, environment) for one in changing(calls)]
    assert [one for one in sorted(theirs, key=str) if allows(roles(other), one)] == []


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


def test_the_preview_role_may_do_none_of_what_changes_something(calls, environment):
    for name in ("preview", "plan"):
        assert not any(allows(policy(name, environment), one) for one in changing(calls))

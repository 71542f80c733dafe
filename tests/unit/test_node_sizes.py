"""What an update says of a node group's number of nodes, which is the cluster autoscaler's."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pulumi
import pulumi_aws as aws
import pytest

from components.node_count import node_count
from eco2.stack import dry_run as mocks
from rollout.plan.nodes import NODE_GROUP, GroupLeft, groups_left, within
from rollout.spec.settings import NodeGroupSettings

LEAVES = ["scalingConfig.desiredSize", "subnetIds"]
WANTED = NodeGroupSettings(min=2, desired=3, max=4)
GETS = "aws:eks/getNodeGroup:getNodeGroup"


def group(captured, domain="auth"):
    return next(one for one in captured.resources if one.type == NODE_GROUP and one.name == domain)


@pytest.fixture
def update(program):
    """An update of a stack that is up, with `auth` of changed sizes; its live number of nodes is given."""
    first = program.run(outputs={})

    def updated(live, **changes):
        left = {
            one.urn: {"type": NODE_GROUP, "outputs": dict(one.inputs)}
            for one in first.resources
            if one.type == NODE_GROUP
        }
        outputs = left[group(first).urn]["outputs"]
        outputs["scalingConfig"] = {**outputs["scalingConfig"], "desiredSize": live}
        program.edit(
            "Pulumi.dev.yaml", **{f"config/eco2:nodeGroups/auth/{key}": to for key, to in changes.items()}
        )
        return group(program.run(outputs=first.outputs, resources=left))

    return updated


@pytest.fixture
def asked(monkeypatch):
    """The groups that AWS was asked about."""
    names, call = [], mocks._Answers.call

    def counted(self, args):
        if args.token == GETS:
            names.append(args.args["nodeGroupName"])
        return call(self, args)

    monkeypatch.setattr(mocks._Answers, "call", counted)
    return names


def ignored(one):
    return one.options.get("ignoreChanges", [])


def test_a_first_update_asks_nothing_and_says_the_number_of_the_config(program, asked):
    made = group(program.run(outputs={}))
    assert made.inputs["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 2}
    assert asked == []


def test_bounds_that_stay_leave_the_number_to_its_owner_and_ask_nothing(update, asked):
    assert ignored(update(live=2)) == LEAVES
    assert ignored(update(live=2, desired=2)) == LEAVES
    assert asked == []


@pytest.mark.parametrize(
    ("live", "changes", "then"),
    [
        (2, {"min": 3, "desired": 3, "max": 4}, 3),
        (2, {"max": 1}, 1),
        (2, {"max": 5}, 2),
        (1, {"min": 0, "desired": 2, "max": 2}, 1),
    ],
    ids=["a minimum above it", "a maximum below it", "more room", "less need"],
)
def test_changed_bounds_go_with_the_live_number_or_the_nearest_that_they_allow(
    update, asked, live, changes, then
):
    changed = update(live, **changes)
    assert changed.inputs["scalingConfig"]["desiredSize"] == then
    assert ignored(changed) == ["subnetIds"]
    assert asked == [changed.inputs["nodeGroupName"]]


def test_a_new_group_in_place_of_an_old_one_has_its_number_and_the_subnets_of_today(update):
    new = update(live=2, instanceTypes=["t3.large"])
    assert new.inputs["scalingConfig"]["desiredSize"] == 2
    assert ignored(new) == []


def count(monkeypatch, answer):
    """The number for a group that AWS answers so about."""

    async def future():
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(aws.eks, "get_node_group_output", lambda **_: SimpleNamespace(future=future))
    return asyncio.run(node_count("auth", GroupLeft("eco2-dev", "auth-1", 1, 2), WANTED, None))


@pytest.mark.parametrize("answer", [Exception("AccessDeniedException: not yours"), None])
def test_a_number_that_cannot_be_read_ends_the_update_in_words(monkeypatch, answer):
    with pytest.raises(pulumi.RunError, match=r"node group auth: .* needs eks:DescribeNodegroup.* auth-1"):
        count(monkeypatch, answer)


@pytest.mark.parametrize(
    "words", ["reading EKS Node Group (x): couldn't find resource", "ResourceNotFoundException"]
)
def test_a_group_that_is_gone_gets_the_number_of_the_config(monkeypatch, words):
    assert count(monkeypatch, Exception(words)) == 3


def test_a_state_that_cannot_be_read_counts_as_none():
    odd = {"type": NODE_GROUP, "outputs": {"nodeGroupName": "x"}}
    assert groups_left({"a::b": odd, "a::c": {"type": "x"}, "a::d": {"type": NODE_GROUP}}) == {}


def test_the_nearest_number_within_bounds():
    assert [within(live, WANTED) for live in (0, 2, 3, 4, 9)] == [2, 2, 3, 4, 4]

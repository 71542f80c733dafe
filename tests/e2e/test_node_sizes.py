"""Bounds of node groups change while their number of nodes is the cluster autoscaler's."""

from __future__ import annotations

import boto3
import pytest

from tests.conftest import new_stack
from tests.recorder import Recorder

pytestmark = [pytest.mark.lab, pytest.mark.rare]
CLUSTER = "eco2-dev"
NODES = ("--target", "**eco2:nodes**", "--target", "**eco2:cluster**")
UP = ("up", "--yes", "--skip-preview", "--suppress-outputs", *NODES)


class Nodes:
    """The node groups of a stack, without its services."""

    def __init__(self, lab, folder):
        variables = lab.variables
        session = boto3.Session(
            variables["AWS_ACCESS_KEY_ID"],
            variables["AWS_SECRET_ACCESS_KEY"],
            region_name=variables["AWS_REGION"],
        )
        self.eks = session.client("eks", endpoint_url=variables["AWS_ENDPOINT_URL"])
        self.stack = new_stack(lab, folder, "dev")

    def up(self, *, check=True, **sizes):
        if sizes:
            (at,) = [
                line
                for line in self.stack.file.read_text().splitlines()
                if line.strip().startswith("auth: {min")
            ]
            words = ", ".join(f"{key}: {value}" for key, value in sizes.items())
            text = self.stack.file.read_text().replace(at, f"    auth: {{{words}}}")
            self.stack.file.write_text(text)
        return self.stack.pulumi(*UP, check=check).stdout

    @property
    def group(self):
        names = self.eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]
        (name,) = [one for one in names if one.startswith("auth-")]
        return name

    def scale(self, nodes):
        """What the cluster autoscaler does."""
        self.eks.update_nodegroup_config(
            clusterName=CLUSTER, nodegroupName=self.group, scalingConfig={"desiredSize": nodes}
        )

    @property
    def sizes(self):
        found = self.eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=self.group)["nodegroup"]
        return tuple(found["scalingConfig"][f"{key}Size"] for key in ("min", "desired", "max"))

    def assert_settled(self):
        """The next update changes nothing, wherever the autoscaler goes meanwhile."""
        before = self.sizes
        told = self.stack.pulumi("preview", "--expect-no-changes", *NODES).stdout
        assert "NodeGroup" not in told
        self.up()
        assert self.sizes == before


@pytest.fixture(scope="module")
def nodes(lab, tmp_path_factory):
    made = Nodes(lab, tmp_path_factory.mktemp("project"))
    made.up()
    assert made.sizes == (1, 1, 2)
    return made


def test_a_minimum_above_the_live_number_brings_nodes(nodes):
    nodes.up(min=2, desired=2, max=4)
    assert nodes.sizes == (2, 2, 4)
    nodes.assert_settled()


def test_bounds_that_hold_the_live_number_leave_it_where_the_autoscaler_put_it(nodes):
    nodes.up(min=1, desired=1, max=6)
    nodes.scale(5)
    nodes.assert_settled()
    nodes.up(min=2, desired=2, max=7)
    assert nodes.sizes == (2, 5, 7)
    nodes.assert_settled()


@pytest.mark.long
def test_a_maximum_below_the_live_number_takes_nodes(nodes):
    nodes.up(min=1, desired=1, max=6)
    nodes.scale(5)
    nodes.up(min=1, desired=1, max=3)
    assert nodes.sizes == (1, 3, 3)
    nodes.scale(2)
    nodes.assert_settled()


@pytest.mark.long
def test_another_instance_type_keeps_the_number(nodes):
    nodes.up(min=1, desired=1, max=4)
    nodes.scale(4)
    before = nodes.group
    nodes.up(min=2, desired=2, max=5, instanceTypes="[t3.large]")
    assert nodes.group != before
    assert nodes.sizes == (2, 4, 5)
    nodes.assert_settled()


def test_only_changed_bounds_are_asked_for(nodes, monkeypatch):
    recorder = Recorder(nodes.stack.lab.variables["AWS_ENDPOINT_URL"])
    monkeypatch.setitem(nodes.stack.lab.variables, "AWS_ENDPOINT_URL", recorder.url)
    asked = "eks:DescribeNodegroup"
    nodes.stack.pulumi("preview", *NODES)
    assert asked not in {one.action for one in recorder.calls}
    nodes.stack.set("eco2:nodeGroups.auth.max", "9")
    nodes.stack.pulumi("preview", *NODES)
    assert asked in {one.action for one in recorder.calls}
    recorder.close()

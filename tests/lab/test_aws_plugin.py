"""EKS in the lab: what a node group's nodes look like, and what Pulumi's AWS plugin does with groups."""

from __future__ import annotations

import json
import threading

import boto3
import pytest

from lab.aws.instance_types import offer
from tests.conftest import CLUSTERS
from tests.lab.program import failed, new_program
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
CLUSTER = CLUSTERS[0]
GROUP = "eks.amazonaws.com/nodegroup"
ROLE = "arn:aws:iam::123456789012:role/node"
TAINT = {"key": "domain", "value": "auth", "effect": "NO_SCHEDULE"}

MAIN = """
import json
from pathlib import Path

import pulumi
import pulumi_aws as aws

given = json.loads(Path("given.json").read_text())
cluster = aws.eks.get_cluster_output(name=given["cluster"])
role = aws.iam.Role("node", assume_role_policy="{}")
template = aws.ec2.LaunchTemplate(
    "group",
    update_default_version=True,
    block_device_mappings=[
        {"device_name": "/dev/xvda", "ebs": {"volume_size": given["disk"], "volume_type": "gp3"}}
    ],
)
aws.eks.NodeGroup(
    "group",
    cluster_name=cluster.name,
    subnet_ids=cluster.vpc_config.subnet_ids,
    node_role_arn=role.arn,
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    opts=pulumi.ResourceOptions(ignore_changes=["scalingConfig.desiredSize"]),
    **given["group"],
)
"""


@pytest.fixture(scope="module")
def eks(lab):
    return client(lab, "eks")


@pytest.fixture(scope="module")
def subnets(lab):
    return [one["SubnetId"] for one in client(lab, "ec2").describe_subnets()["Subnets"]][:2]


@pytest.fixture
def make(lab, eks, subnets):
    """Makes node groups through the EKS API, and deletes them when the test is over."""
    names = []

    def made(name, instance_type="t3.medium", desired=1, **more):
        sizes = {"minSize": 0, "desiredSize": desired, "maxSize": 20}
        names.append(name)
        eks.create_nodegroup(
            clusterName=CLUSTER,
            nodegroupName=name,
            nodeRole=ROLE,
            subnets=subnets,
            instanceTypes=[instance_type],
            scalingConfig=sizes,
            **more,
        )

    yield made
    for name in {*names} & {*eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]}:
        eks.delete_nodegroup(clusterName=CLUSTER, nodegroupName=name)
    until(lambda: not any(nodes(lab, name) for name in names))


def client(lab, service):
    variables = lab.variables
    keys = {name.lower(): variables[name.upper()] for name in ("aws_access_key_id", "aws_secret_access_key")}
    session = boto3.Session(region_name=variables["AWS_REGION"], **keys)
    return session.client(service, endpoint_url=variables["AWS_ENDPOINT_URL"])


def nodes(lab, group):
    """The nodes of a group that are ready, by name."""
    found = {
        name.lstrip("/"): node
        for name, node in lab.items("/api/v1/nodes").items()
        if labels_of(node).get(GROUP) == group
    }
    return {name: node for name, node in found.items() if condition(node, "Ready") == "True"}


def condition(thing, kind):
    conditions = thing.get("status", {}).get("conditions", ())
    return next((one["status"] for one in conditions if one["type"] == kind), None)


def labels_of(node):
    return node["metadata"]["labels"]


def change(eks, group, **config):
    eks.update_nodegroup_config(clusterName=CLUSTER, nodegroupName=group, **config)


def resize(eks, group, desired):
    change(eks, group, scalingConfig={"desiredSize": desired})


@pytest.mark.parametrize(
    ("instance_type", "cpu", "pods"),
    [("t3.small", "1930m", "11"), ("t3.medium", "1930m", "17"), ("m5.xlarge", "3920m", "58")],
)
def test_a_node_has_the_labels_taints_and_size_of_its_group(lab, make, instance_type, cpu, pods):
    name = instance_type.replace(".", "-")
    make(name, instance_type, labels={"domain": "auth"}, taints=[TAINT])
    # Until its kubelet has reported, Kubernetes keeps pods away by a taint of its own.
    taints = [{"key": "domain", "value": "auth", "effect": "NoSchedule"}]
    until(lambda: [one["spec"].get("taints") for one in nodes(lab, name).values()] == [taints])
    (node,) = nodes(lab, name).values()
    labels = labels_of(node)
    assert labels["domain"] == "auth"
    assert labels["node.kubernetes.io/instance-type"] == instance_type
    assert labels["kubernetes.io/hostname"] == node["metadata"]["name"]
    assert labels["topology.kubernetes.io/zone"].startswith(labels["topology.kubernetes.io/region"])
    assert node["spec"]["providerID"].startswith("aws:///")
    assert node["status"]["allocatable"] == offer(instance_type).allocatable
    assert node["status"]["capacity"] == offer(instance_type).capacity
    assert (node["status"]["allocatable"]["cpu"], node["status"]["allocatable"]["pods"]) == (cpu, pods)


def test_no_node_shows_any_other_size_from_its_first_moment(lab, eks, make):
    expected = {"small": offer("t3.small").allocatable, "large": offer("m5.large").allocatable}
    wrong, seen, ended = [], set(), threading.Event()

    def look():
        while not ended.is_set():
            for name, node in lab.items("/api/v1/nodes").items():
                size = node.get("status", {}).get("allocatable")
                seen.add(name)
                if size != expected[labels_of(node)[GROUP]]:
                    wrong.append((name, size))

    watch = threading.Thread(target=look)
    watch.start()
    try:
        make("small", "t3.small", desired=2)
        make("large", "m5.large", desired=0)
        for desired in (6, 1, 5):
            for group in expected:
                resize(eks, group, desired)
            until(lambda desired=desired: all(len(nodes(lab, group)) == desired for group in expected))
    finally:
        ended.set()
        watch.join()
    assert len(seen) == 12
    assert not wrong


def test_the_number_of_nodes_follows_the_desired_size_and_pods_go_with_their_node(lab, eks, make):
    make("pool", desired=2, labels={"pool": "pool"})
    create_deployment(lab, "spread", replicas=4, cpu="900m", node_selector={"pool": "pool"})
    until(lambda: len(running(lab, "spread")) == 4)

    resize(eks, "pool", 1)
    until(lambda: len(nodes(lab, "pool")) == 1)
    (left,) = nodes(lab, "pool")
    until(lambda: {pod["spec"].get("nodeName") for pod in pods_of(lab, "spread")} == {left, None})
    until(lambda: len(pods_of(lab, "spread")) == 4)
    assert len(running(lab, "spread")) == 2

    resize(eks, "pool", 3)
    until(lambda: len(running(lab, "spread")) == 4)
    assert len(nodes(lab, "pool")) == 3
    (last, *_) = nodes(lab, "pool")

    eks.delete_nodegroup(clusterName=CLUSTER, nodegroupName="pool")
    until(lambda: not nodes(lab, "pool") and not running(lab, "spread"))
    until(lambda: {pod["spec"].get("nodeName") for pod in pods_of(lab, "spread")} == {None})
    # A scheduler that has not yet heard of a node's end binds a pod to it.
    container = {"name": "main", "image": "example.com/main:1"}
    metadata = {"name": "late", "namespace": "default", "labels": {"app": "late"}}
    spec = {"nodeName": last, "containers": [container]}
    lab.api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, "test")
    until(lambda: not pods_of(lab, "late"))
    lab.api.request("DELETE", "/apis/apps/v1/namespaces/default/deployments/spread")


def test_added_labels_and_removed_taints_reach_the_nodes_that_are_there(lab, eks, make):
    make("changing", labels={"domain": "auth"}, taints=[TAINT])
    until(lambda: len(nodes(lab, "changing")) == 1)
    (before,) = nodes(lab, "changing").values()
    labels = {"addOrUpdateLabels": {"domain": "chat", "new": "yes"}}
    change(eks, "changing", labels=labels, taints={"removeTaints": [TAINT]})
    until(lambda: all("new" in labels_of(node) for node in nodes(lab, "changing").values()))
    (after,) = nodes(lab, "changing").values()
    assert labels_of(after)["domain"] == "chat"
    assert not after["spec"].get("taints")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_removed_label_leaves_the_nodes_that_are_there(lab, eks, make):
    make("removing", labels={"domain": "auth"})
    until(lambda: len(nodes(lab, "removing")) == 1)
    change(eks, "removing", labels={"addOrUpdateLabels": {"new": "yes"}, "removeLabels": ["domain"]})
    until(lambda: all("new" in labels_of(node) for node in nodes(lab, "removing").values()))
    assert all("domain" not in labels_of(node) for node in nodes(lab, "removing").values())


def test_a_node_that_somebody_deletes_joins_again(lab, make):
    make("again")
    until(lambda: len(nodes(lab, "again")) == 1)
    (name,) = nodes(lab, "again")
    lab.api.request("DELETE", f"/api/v1/nodes/{name}")
    until(lambda: nodes(lab, "again").keys() == {name})
    assert nodes(lab, "again")[name]["status"]["allocatable"] == offer("t3.medium").allocatable


class Group:
    """A stack of one node group."""

    def __init__(self, lab, eks, folder):
        self.lab, self.eks = lab, eks
        self.name = f"{folder.name}-group"
        self.program = new_program(lab, folder, MAIN, **{"aws:region": lab.variables["AWS_REGION"]})
        self.given = {
            "cluster": CLUSTER,
            "disk": 20,
            "group": {
                "node_group_name": self.name,
                "instance_types": ["t3.medium"],
                "scaling_config": {"min_size": 1, "desired_size": 2, "max_size": 4},
                "update_config": {"max_unavailable": 1},
                "labels": {"domain": "auth"},
                "taints": [TAINT],
                "tags": {"team": "auth"},
            },
        }

    def up(self, *, check=True, disk=None, **changes):
        """Updates the stack with changed settings."""
        self.given["disk"] = disk or self.given["disk"]
        self.given["group"].update(changes)
        (self.program.folder / "given.json").write_text(json.dumps(self.given))
        return self.program.up(check=check)

    @property
    def nodes(self):
        return nodes(self.lab, self.name)

    @property
    def described(self):
        return self.eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=self.name)["nodegroup"]


@pytest.fixture
def group(lab, eks, tmp_path_factory):
    made = Group(lab, eks, tmp_path_factory.mktemp("program"))
    made.up()
    until(lambda: len(made.nodes) == 2)
    yield made
    made.program.pulumi("destroy", "--yes", "--skip-preview")
    assert made.name not in eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]
    until(lambda: not made.nodes)


def test_a_changed_launch_template_updates_the_group_in_place(lab, group):
    before = {name: node["metadata"]["uid"] for name, node in group.nodes.items()}
    log = group.up(disk=40)
    assert log.index("LaunchTemplate group updated") < log.index("NodeGroup group updating")
    assert "replac" not in log

    templates = client(lab, "ec2").describe_launch_template_versions(
        LaunchTemplateId=group.described["launchTemplate"]["id"], Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    assert (templates[0]["VersionNumber"], templates[0]["DefaultVersion"]) == (2, True)
    assert templates[0]["LaunchTemplateData"]["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 40
    assert {name: node["metadata"]["uid"] for name, node in group.nodes.items()} == before
    assert " unchanged" in group.up()
    group.program.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_what_can_change_in_place_does(group):
    taints = [{**TAINT, "value": "chat"}, {"key": "spare", "value": "", "effect": "PREFER_NO_SCHEDULE"}]
    group.up(
        labels={"domain": "chat"},
        taints=taints,
        tags={"team": "chat"},
        update_config={"max_unavailable_percentage": 50},
    )
    assert group.described["labels"] == {"domain": "chat"}
    assert sorted(one["value"] for one in group.described["taints"]) == ["", "chat"]
    assert group.described["updateConfig"] == {"maxUnavailablePercentage": 50}
    until(lambda: all(len(node["spec"]["taints"]) == 2 for node in group.nodes.values()))
    for node in group.nodes.values():
        assert {one["effect"]: one.get("value") for one in node["spec"]["taints"]}["NoSchedule"] == "chat"
    assert " unchanged" in group.up()
    group.program.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_the_autoscalers_number_of_nodes_outlives_updates_that_leave_the_sizes(eks, group):
    resize(eks, group.name, 3)
    group.up(labels={"domain": "chat"})
    assert group.described["scalingConfig"] == {"minSize": 1, "desiredSize": 3, "maxSize": 4}


def test_a_changed_bound_takes_along_the_number_that_the_state_holds(eks, group):
    """As with the official plugin: whoever ignores the number must say it where a bound changes."""
    resize(eks, group.name, 3)
    group.up(scaling_config={"min_size": 2, "desired_size": 4, "max_size": 6})
    assert group.described["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 6}

    told = failed(group.up(check=False, scaling_config={"min_size": 5, "desired_size": 5, "max_size": 6}))
    assert "Minimum capacity 5 can't be greater than desired size 2" in told
    assert group.name in told
    told = failed(group.up(check=False, scaling_config={"min_size": 1, "desired_size": 1, "max_size": 1}))
    assert "desired capacity 2 can't be greater than max size 1" in told


def test_another_instance_type_is_another_group_which_comes_first(lab, group):
    old = group.name
    group.name = f"{old}-2"
    log = group.up(instance_types=["m5.large"], node_group_name=group.name)
    assert log.index("NodeGroup group created") < log.index("NodeGroup group deleting")
    until(lambda: len(group.nodes) == 2 and not nodes(lab, old))
    for node in group.nodes.values():
        assert node["status"]["allocatable"] == offer("m5.large").allocatable


def test_what_aws_would_refuse_is_refused_in_words(group):
    told = failed(group.up(check=False, node_group_name=group.name, instance_types=["m5.large"]))
    assert group.name in told
    assert "already exists" in told
    assert len(group.nodes) == 2
    group.up(instance_types=["t3.medium"])
    group.given["cluster"] = "nowhere"
    assert "no EKS cluster is called nowhere" in group.up(check=False)
    group.given["cluster"] = CLUSTER


def create_deployment(lab, name, replicas, cpu, node_selector):
    container = {"name": "app", "image": "example.com/app", "resources": {"requests": {"cpu": cpu}}}
    labels = {"app": name}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"nodeSelector": node_selector, "containers": [container]},
        },
    }
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    lab.api.request("POST", "/apis/apps/v1/namespaces/default/deployments", body)


def pods_of(lab, name):
    path, query = "/api/v1/namespaces/default/pods", {"labelSelector": f"app={name}"}
    return lab.api.request("GET", path, query=query)["items"]


def running(lab, name):
    return [pod for pod in pods_of(lab, name) if condition(pod, "Ready") == "True"]

"""Plays the EC2 machines that join a cluster: a Node for every node of every node group."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lab.api import APPLY, Api, ApiError, Unreachable, connection
from lab.aws.instance_types import offer
from lab.parts import ADMIN_CONTEXT

POLL_SECONDS = 0.7
SWEEPS = 15
"""Passes in which pods of a node that left are still looked for: a scheduler that has not heard of its end
binds pods to it, and Kubernetes' own collector takes up to 80 s (its rounds of 20 s, and a quarantine of 40)."""
GROUP_LABEL = "eks.amazonaws.com/nodegroup"
CLUSTER_LABEL = "alpha.eksctl.io/cluster-name"
EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}


def nodes_of(group: dict[str, Any], region: str) -> dict[str, dict[str, Any]]:
    """The nodes that a node group should have, by name.

    Args:
        group: As `describe_nodegroup` returns it.
        region: The AWS region.

    Raises:
        LookupError: If its instance type is not known here.
    """
    instance_type = group["instanceTypes"][0]
    size = offer(instance_type)
    taints = [
        {"key": taint["key"], "value": taint.get("value", ""), "effect": EFFECTS[taint["effect"]]}
        for taint in group.get("taints", ())
    ]
    nodes = {}
    for number in range(group["scalingConfig"]["desiredSize"]):
        seed = f"{group['clusterName']}/{group['nodegroupName']}/{number}"
        digest = hashlib.sha256(seed.encode()).digest()
        name = f"ip-10-0-{digest[0]}-{digest[1]}-{digest[2]:02x}.{region}.compute.internal"
        zone = f"{region}{'abc'[number % 3]}"
        labels = {
            **group.get("labels", {}),
            GROUP_LABEL: group["nodegroupName"],
            CLUSTER_LABEL: group["clusterName"],
            "eks.amazonaws.com/capacityType": group.get("capacityType", "ON_DEMAND"),
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": instance_type,
            "topology.kubernetes.io/region": region,
            "topology.kubernetes.io/zone": zone,
        }
        nodes[name] = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"providerID": f"aws:///{zone}/i-{digest.hex()[:17]}", "taints": taints},
            "status": {"capacity": size.capacity, "allocatable": size.allocatable},
        }
    return nodes


class Joiner:
    """Keeps the nodes of some clusters as their node groups want them."""

    def __init__(self, endpoint: str, region: str, api: Api, clusters: list[str]) -> None:
        """Prepares; nothing is read yet."""
        self._eks = boto3.Session("lab", "lab", region_name=region).client("eks", endpoint_url=endpoint)
        self._region = region
        self._api = api
        self._clusters = clusters
        self._told: dict[str, dict[str, Any]] = {}
        self._sweeps_left: dict[str, int] = {}

    def pass_once(self) -> None:
        """Adds, changes and removes nodes.

        Raises:
            ApiError: If the API server refuses.
            Unreachable: If it does not answer.
            BotoCoreError: If the AWS API does not answer.
            ClientError: If it refuses.
        """
        wanted: dict[str, dict[str, Any]] = {}
        for cluster in self._clusters:
            for name in self._eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
                described = self._eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)
                wanted |= nodes_of(dict(described["nodegroup"]), self._region)
        listed = self._api.request("GET", "/api/v1/nodes", query={"labelSelector": GROUP_LABEL})
        there = {node["metadata"]["name"]: node for node in listed["items"]}
        for name, node in wanted.items():
            if name not in there or self._told.get(name) != node or not _same_size(there[name], node):
                self._join(node, new=name not in there)
                print(
                    f"{'changed' if name in there else 'joined'} {name}: {node['metadata']['labels']}",
                    flush=True,
                )
        for name in there.keys() - wanted.keys():
            self._api.request("DELETE", f"/api/v1/nodes/{name}")
            self._sweeps_left[name] = SWEEPS
            print(f"left {name}", flush=True)
        self._told = wanted
        self._sweeps_left = {
            name: left for name, left in self._sweeps_left.items() if left and name not in wanted
        }
        for name in self._sweeps_left:
            self._sweep(name)
            self._sweeps_left[name] -= 1

    def _join(self, node: dict[str, Any], *, new: bool) -> None:
        """Registers a node, or brings it up to date.

        A new node brings its size with it, as a kubelet's does: kwok gives a node that it meets
        without one 1,000 CPUs.
        """
        self._api.apply(node if new else {**node, "status": None}, "eks")
        query = {"fieldManager": "eks", "force": "true"}
        path = f"/api/v1/nodes/{node['metadata']['name']}"
        status = {key: node[key] for key in ("apiVersion", "kind", "status")}
        status["metadata"] = {"name": node["metadata"]["name"]}
        self._api.request("PATCH", f"{path}/status", status, query, APPLY)

    def _sweep(self, name: str) -> None:
        """Removes the pods of a node that left, as its end would."""
        query = {"fieldSelector": f"spec.nodeName={name}"}
        for pod in self._api.request("GET", "/api/v1/pods", query=query)["items"]:
            path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
            try:
                self._api.request("DELETE", path, query={"gracePeriodSeconds": "0"})
            except ApiError as error:
                if error.reason != "NotFound":
                    raise


def _same_size(live: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(
        live.get("status", {}).get(part, {}).get(resource) == quantity
        for part in ("capacity", "allocatable")
        for resource, quantity in wanted["status"][part].items()
    )


def main() -> None:
    """Runs for ever: `python -m lab.aws.joiner ENDPOINT REGION KUBECONFIG CLUSTER...`."""
    endpoint, region, kubeconfig, *clusters = sys.argv[1:]
    joiner = Joiner(endpoint, region, Api(connection(Path(kubeconfig), ADMIN_CONTEXT)), clusters)
    while True:
        try:
            joiner.pass_once()
        except (ApiError, Unreachable, BotoCoreError, ClientError, LookupError) as error:
            print(f"will try again: {error}", flush=True)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()

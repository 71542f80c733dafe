"""What a program may look up, by the functions' tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.plugins.host import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.plugins.aws.kind import State
    from lab.plugins.aws.session import Session


def cluster(session: Session, arguments: State) -> State:
    """`getCluster`.

    Raises:
        RefusedError: If there is no such cluster.
    """
    name = arguments["name"]
    found = session.found(lambda: session.client("eks").describe_cluster(name=name))
    if found is None:
        raise RefusedError(
            f"no EKS cluster is called {name} in {session.region}; is eco2:cluster.name right?"
        )
    network = found["cluster"]["resourcesVpcConfig"]
    return {
        "id": name,
        "name": name,
        "arn": found["cluster"]["arn"],
        "version": found["cluster"]["version"],
        "status": found["cluster"]["status"],
        "endpoint": found["cluster"].get("endpoint", ""),
        "vpcConfig": {"subnetIds": network["subnetIds"], "vpcId": network.get("vpcId", "")},
    }


def node_group(session: Session, arguments: State) -> State:
    """`getNodeGroup`.

    Raises:
        RefusedError: If there is no such group; in the official plugin's words, which programs go by.
    """
    cluster, name = arguments["clusterName"], arguments["nodeGroupName"]
    eks = session.client("eks")
    found = session.found(lambda: eks.describe_nodegroup(clusterName=cluster, nodegroupName=name))
    if found is None:
        raise RefusedError(f"reading EKS Node Group ({cluster}:{name}): couldn't find resource")
    group = found["nodegroup"]
    return {
        "id": f"{cluster}:{name}",
        "clusterName": cluster,
        "nodeGroupName": name,
        "arn": group["nodegroupArn"],
        "status": group["status"],
        "subnetIds": group["subnets"],
        "scalingConfigs": [group["scalingConfig"]],
    }


LOOKUPS: dict[str, Callable[[Session, State], State]] = {
    "aws:eks/getCluster:getCluster": cluster,
    "aws:eks/getNodeGroup:getNodeGroup": node_group,
}

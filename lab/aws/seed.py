"""The AWS account as a lab's users find it: a network and their EKS clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = "1.34"


def seed(endpoint: str, region: str, clusters: Iterable[str]) -> bool:
    """Makes the clusters that are missing, in the subnets of the default network.

    Args:
        endpoint: The AWS API.
        region: The region.
        clusters: Names.

    Returns:
        False while the API does not answer.
    """
    session = boto3.Session("lab", "lab", region_name=region)
    ec2 = session.client("ec2", endpoint_url=endpoint)
    eks = session.client("eks", endpoint_url=endpoint)
    try:
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        there = set(eks.list_clusters()["clusters"])
        account = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
        for name in clusters:
            if name not in there:
                eks.create_cluster(
                    name=name,
                    version=VERSION,
                    roleArn=f"arn:aws:iam::{account}:role/eks-cluster",
                    resourcesVpcConfig={"subnetIds": subnets[:3]},
                )
    except (BotoCoreError, ClientError):
        return False
    return True

"""What nodes may do in AWS: join the cluster, pull images, give pods their addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class NodeRole(pulumi.ComponentResource):
    """One IAM role for the nodes of all domains, with AWS' own policies for worker nodes.

    Attributes:
        arn: The role's ARN.
        policies: The attachments; whoever uses the role waits for them.
    """

    arn: pulumi.Output[str]
    policies: tuple[aws.iam.RolePolicyAttachment, ...]

    def __init__(self, name: str, tags: Mapping[str, str], *, protect: bool) -> None:
        """Declares the role.

        Args:
            name: Its name; fixed, so that an update that was killed finds what it had created.
            tags: Tags of the role.
            protect: Whether it refuses to be deleted.
        """
        super().__init__("eco2:nodes:NodeRole", name)
        child = pulumi.ResourceOptions(parent=self, protect=protect)
        role = aws.iam.Role(
            name, name=name, assume_role_policy=json.dumps(TRUST), tags=dict(tags), opts=child
        )
        self.arn = role.arn
        self.policies = tuple(
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}", opts=child
            )
            for policy in POLICIES
        )
        self.register_outputs({"arn": self.arn})

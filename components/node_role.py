"""What nodes may do in AWS: join the cluster, pull images, give pods their addresses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
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


@dataclass(frozen=True, kw_only=True)
class NodeRoleArgs:
    """What a `NodeRole` is made of.

    Attributes:
        tags: Its tags.
        protect: Whether it refuses to be deleted.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False


class NodeRole(pulumi.ComponentResource):
    """One IAM role for the nodes of all domains, with AWS' own policies for worker nodes.

    Attributes:
        arn: The role's ARN.
        policies: The attachments; whoever uses the role waits for them.
    """

    arn: pulumi.Output[str]
    policies: tuple[aws.iam.RolePolicyAttachment, ...]

    def __init__(
        self, name: str, args: NodeRoleArgs | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the role.

        Args:
            name: Its name; fixed, so that an update that was killed finds what it had created.
            args: What it is made of.
            opts: Pulumi's own.
        """
        super().__init__("eco2:nodes:NodeRole", name, None, opts)
        args = args or NodeRoleArgs()
        child = pulumi.ResourceOptions(parent=self, protect=args.protect)
        role = aws.iam.Role(
            name, name=name, assume_role_policy=json.dumps(TRUST), tags=dict(args.tags), opts=child
        )
        self.arn = role.arn
        self.policies = tuple(
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}", opts=child
            )
            for policy in POLICIES
        )
        self.register_outputs({"arn": self.arn})

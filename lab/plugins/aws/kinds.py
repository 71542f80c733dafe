"""The types in use, by their tokens in the official plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.plugins.aws.ec2 import LaunchTemplate
from lab.plugins.aws.eks import NodeGroup
from lab.plugins.aws.iam import Role, RolePolicyAttachment

if TYPE_CHECKING:
    from lab.plugins.aws.kind import Kind

KINDS: dict[str, type[Kind]] = {
    "aws:iam/role:Role": Role,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": RolePolicyAttachment,
    "aws:ec2/launchTemplate:LaunchTemplate": LaunchTemplate,
    "aws:eks/nodeGroup:NodeGroup": NodeGroup,
}

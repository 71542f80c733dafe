"""How many nodes a node group has right now, asked of AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from rollout.plan.nodes import within
from rollout.text.plain import inert, one_line

if TYPE_CHECKING:
    from rollout.plan.nodes import GroupLeft
    from rollout.spec.settings import NodeGroupSettings

ABSENT = ("couldn't find resource", "ResourceNotFoundException")
"""What the plugin says of a group that does not exist, by its own words and by those of EKS."""


async def node_count(
    domain: str, left: GroupLeft, wanted: NodeGroupSettings, parent: pulumi.Resource | None
) -> int:
    """The live number of nodes, moved no further than the bounds of the config ask for.

    Args:
        domain: The group's domain.
        left: The group as the state has it.
        wanted: The group as the config wants it; its `desired` is the number where AWS has no such group.
        parent: The component that asks.

    Raises:
        pulumi.RunError: If it cannot be read: any other number would be a guess about nodes that carry pods.
    """
    asked = aws.eks.get_node_group_output(
        cluster_name=left.cluster,
        node_group_name=left.name,
        opts=pulumi.InvokeOutputOptions(parent=parent),
    )
    try:
        found = await asked.future()
    except Exception as error:  # noqa: BLE001  # the SDK raises no narrower class
        if any(words in str(error) for words in ABSENT):
            return wanted.desired
        raise pulumi.RunError(_unread(domain, left, error)) from None
    if found is None or not found.scaling_configs:
        raise pulumi.RunError(_unread(domain, left, "AWS tells no sizes"))
    return within(found.scaling_configs[0].desired_size, wanted)


def _unread(domain: str, left: GroupLeft, why: object) -> str:
    told = (
        f"node group {domain}: its sizes change, and EKS takes them only with the number of nodes that it has now, "
        f"which cannot be read: {why}; this role needs eks:DescribeNodegroup. The group was not changed, run the "
        f"same command again. By hand: aws eks describe-nodegroup --cluster-name {left.cluster} "
        f"--nodegroup-name {left.name}"
    )
    return inert(one_line(told))

"""Node groups as the stack's state has them, and what of a group the program must say itself in an update.

How many nodes a group has, and in which subnets it stands, is ignored once it exists: the first is the cluster
autoscaler's, the second the cluster's. What is ignored keeps the input of old, also beside fields that hang on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.spec.settings import NodeGroupSettings

NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"


@dataclass(frozen=True)
class GroupLeft:
    """A node group by the state.

    Attributes:
        cluster: Its cluster's name in AWS.
        name: Its name in AWS.
        min: Fewest nodes.
        max: Most nodes.
    """

    cluster: str
    name: str
    min: int
    max: int

    def resized(self, wanted: NodeGroupSettings) -> bool:
        """Whether an update changes its bounds, which EKS takes only together with the number of nodes."""
        return (self.min, self.max) != (wanted.min, wanted.max)


def groups_left(resources: Mapping[str, Any]) -> dict[str, GroupLeft]:
    """The node groups in a state, by domain; what cannot be read counts as not there.

    Args:
        resources: Type and outputs by URN; empty before the first update.
    """
    found = {}
    for urn, resource in resources.items():
        if resource["type"] == NODE_GROUP:
            outputs = resource.get("outputs") or {}
            try:
                sizes = outputs["scalingConfig"]
                found[urn.rsplit("::", 1)[1]] = GroupLeft(
                    outputs["clusterName"],
                    outputs["nodeGroupName"],
                    int(sizes["minSize"]),
                    int(sizes["maxSize"]),
                )
            except (KeyError, TypeError, ValueError):
                continue
    return found


def within(live: int, wanted: NodeGroupSettings) -> int:
    """The number of nodes nearest to the live one that the bounds of the config allow."""
    return min(max(live, wanted.min), wanted.max)

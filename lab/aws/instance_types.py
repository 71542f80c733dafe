"""What a node of an EC2 instance type offers to pods, as EKS computes it."""

from __future__ import annotations

from dataclasses import dataclass

SHAPES = {  # vCPU, memory in MiB, network interfaces, addresses of each
    "t3.small": (2, 2048, 3, 4),
    "t3.medium": (2, 4096, 3, 6),
    "t3.large": (2, 8192, 3, 12),
    "t3.xlarge": (4, 16384, 4, 15),
    "m5.large": (2, 8192, 3, 10),
    "m5.xlarge": (4, 16384, 4, 15),
    "m6i.large": (2, 8192, 3, 10),
    "c5.large": (2, 4096, 3, 10),
}
"""From EC2's list of instance types."""

HIDDEN_MIB = 0.955
"""The part of a machine's memory that its kernel shows: 3.82 of 4 GiB on a t3.medium."""


@dataclass(frozen=True)
class Offer:
    """A node's size.

    Attributes:
        cpu: Cores.
        memory_mib: Memory that the kernel shows.
        pods: Pods at the most.
    """

    cpu: int
    memory_mib: int
    pods: int

    @property
    def capacity(self) -> dict[str, str]:
        """`status.capacity` of the node."""
        return {"cpu": str(self.cpu), "memory": f"{self.memory_mib}Mi", "pods": str(self.pods)}

    @property
    def allocatable(self) -> dict[str, str]:
        """What is left for pods, by the rules of the EKS AMI's bootstrap.

        CPU: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest are
        kept. Memory: 255 MiB and 11 MiB a pod for the kubelet, 100 MiB before it evicts.
        """
        kept = 60 + 10 * (self.cpu > 1) + 5 * min(max(self.cpu - 2, 0), 2) + 2.5 * max(self.cpu - 4, 0)
        memory = self.memory_mib - 255 - 11 * self.pods - 100
        return {"cpu": f"{int(self.cpu * 1000 - kept)}m", "memory": f"{memory}Mi", "pods": str(self.pods)}


def offer(instance_type: str) -> Offer:
    """The size of an instance type.

    Raises:
        LookupError: If the type is not in the table.
    """
    if instance_type not in SHAPES:
        raise LookupError(
            f"the lab does not know the instance type {instance_type}; it knows {', '.join(SHAPES)}"
        )
    cpu, memory_mib, interfaces, addresses = SHAPES[instance_type]
    # One address of each interface is its own; two pods use the node's (aws-node, kube-proxy).
    return Offer(cpu, int(memory_mib * HIDDEN_MIB), interfaces * (addresses - 1) + 2)

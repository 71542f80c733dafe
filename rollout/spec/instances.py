"""What a node of an EC2 instance type offers to pods on EKS, and what pods request of it.

A kubelet reports its offer once its node has joined. Before that it is computed here as the node's
own set-up computes it (awslabs/amazon-eks-ami, `nodeadm/internal/kubelet/config.go`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rollout.problems import suggestion
from rollout.spec.quantities import memory_bytes, millicores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rollout.spec.workload import Workload

MIB: Final = 2**20

OTHER_ARCHITECTURE: Final = re.compile(r"(a1|[a-z]+[0-9]+[a-z]*g[a-z]*)[.-]|p[0-9]+e-gb|mac")
"""Types on which the node groups' image (x86-64) starts no node: AWS' own processors have a `g` behind the
generation (t4g, m7gd, im4gn, c7gn), as NVIDIA's Grace has; Macs run another system
(docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html)."""

SHAPES: Final = {  # vCPU, memory in GiB, network interfaces, IPv4 addresses of each
    "t3.small": (2, 2, 3, 4),
    "t3.medium": (2, 4, 3, 6),
    "t3.large": (2, 8, 3, 12),
    "t3.xlarge": (4, 16, 4, 15),
    "t3.2xlarge": (8, 32, 4, 15),
    "t3a.small": (2, 2, 2, 4),
    "t3a.medium": (2, 4, 3, 6),
    "t3a.large": (2, 8, 3, 12),
    "t3a.xlarge": (4, 16, 4, 15),
    **{f"{family}.large": (2, 8, 3, 10) for family in ("m5", "m6i", "m7i")},
    **{f"{family}.xlarge": (4, 16, 4, 15) for family in ("m5", "m6i", "m7i")},
    **{f"{family}.large": (2, 4, 3, 10) for family in ("c5", "c6i", "c7i")},
    **{f"{family}.xlarge": (4, 8, 4, 15) for family in ("c5", "c6i", "c7i")},
}
"""EC2's instance types of the node groups' architecture (x86-64), as EC2 publishes them."""

SHOWN_SHARE: Final = Decimal("0.93")
"""The part of a machine's memory that its kernel shows, at the least.

A t3.medium with EKS' image showed 3,943,312 of 4,194,304 KiB (0.940, October 2024). Karpenter, which
also has to plan before there is a node, takes 0.925 (VM_MEMORY_OVERHEAD_PERCENT). Between the two, a
kernel may keep somewhat more and what has room here still has room there.
"""


@dataclass(frozen=True)
class ResourceRequest:
    """CPU in millicores and memory in bytes that a container or a pod asks the scheduler for."""

    cpu_millicores: int = 0
    memory_bytes: int = 0

    def __add__(self, other: ResourceRequest) -> ResourceRequest:
        return ResourceRequest(
            self.cpu_millicores + other.cpu_millicores, self.memory_bytes + other.memory_bytes
        )

    def __str__(self) -> str:
        return f"{self.cpu_millicores}m CPU and {-(-self.memory_bytes // MIB)}Mi"


NOTHING: Final = ResourceRequest()
PROXY: Final = ResourceRequest(100, 128 * MIB)
"""What istio-proxy requests by default (`global.proxy.resources` of Istio's charts)."""

DAEMONSETS: Final = (ResourceRequest(50), ResourceRequest(100))
"""What runs on every node of EKS: aws-node, with two containers of 25m each, and kube-proxy."""


@dataclass(frozen=True)
class Load:
    """A number of pods, and what they request together."""

    pods: int = 0
    requests: ResourceRequest = NOTHING

    def __add__(self, other: Load) -> Load:
        return Load(self.pods + other.pods, self.requests + other.requests)


@dataclass(frozen=True)
class Allocatable:
    """What one node offers to pods, those of daemonsets included.

    Attributes:
        instance_type: Its type; several where any of them may come.
        cpu_millicores: CPU.
        memory_bytes: Memory.
        pods: Pods at the most.
    """

    instance_type: str
    cpu_millicores: int
    memory_bytes: int
    pods: int

    def left(self, load: Load) -> Load:
        """What a load leaves of a node; negative where it is too much."""
        cpu_millicores = self.cpu_millicores - load.requests.cpu_millicores
        memory = self.memory_bytes - load.requests.memory_bytes
        return Load(self.pods - load.pods, ResourceRequest(cpu_millicores, memory))

    def __str__(self) -> str:
        return f"{self.cpu_millicores}m and {self.memory_bytes // MIB}Mi"


def allocatable(instance_type: str) -> Allocatable:
    """What a node of an instance type offers.

    CPU: the kubelet keeps 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of
    the rest (`getCPUMillicoresToReserve`). Memory: it keeps 255 MiB and 11 MiB a pod
    (`getMemoryMebibytesToReserve`) and evicts pods in the last 100 MiB (`evictionHard`). Pods: one
    address each; the first of every network interface is its own, and aws-node and kube-proxy use
    the node's (`eni_max_pods.go`).

    Raises:
        LookupError: If the type is not in the table.
    """
    if instance_type not in SHAPES:
        # Not refused: EC2 has hundreds of types, and whoever plans says that this one was not checked.
        raise LookupError(
            f"the size of {instance_type} is not known here; {suggestion(instance_type, SHAPES)}"
        )
    cores, memory_gib, interfaces, addresses = SHAPES[instance_type]
    pods = interfaces * (addresses - 1) + 2
    kept = 60 + 10 * (cores > 1) + 5 * min(max(cores - 2, 0), 2) + Decimal("2.5") * max(cores - 4, 0)
    shown_mib = int(memory_gib * 1024 * SHOWN_SHARE)
    return Allocatable(
        instance_type=instance_type,
        cpu_millicores=int(cores * 1000 - kept),
        memory_bytes=(shown_mib - 255 - 11 * pods - 100) * MIB,
        pods=pods,
    )


def least(instance_types: Sequence[str]) -> Allocatable:
    """What every node of a group offers, whichever of its types it gets.

    Args:
        instance_types: The group's types, at least one.

    Raises:
        LookupError: If a type is not in the table.
    """
    offers = [allocatable(one) for one in instance_types]
    return Allocatable(
        instance_type=" or ".join(instance_types),
        cpu_millicores=min(offer.cpu_millicores for offer in offers),
        memory_bytes=min(offer.memory_bytes for offer in offers),
        pods=min(offer.pods for offer in offers),
    )


def effective_request(
    containers: Iterable[ResourceRequest], init_containers: Iterable[ResourceRequest]
) -> ResourceRequest:
    """What a pod counts for: its containers together or its largest init container, whichever is more.

    CPU and memory each (Kubernetes' documentation of init containers).
    """
    needs = [sum(containers, NOTHING), *init_containers]
    return ResourceRequest(max(one.cpu_millicores for one in needs), max(one.memory_bytes for one in needs))


def pod_request(workload: Workload, proxy: ResourceRequest | None = PROXY) -> ResourceRequest:
    """What a pod of a workload counts for.

    Args:
        workload: Its container and annotations.
        proxy: What Istio's sidecar requests, which all namespaces of the services ask for; None
            where nothing injects it.

    Raises:
        ValueError: If an annotation for the sidecar is not a quantity.
    """
    asked = workload.resources.requests
    own, sidecar = ResourceRequest(millicores(asked.cpu), memory_bytes(asked.memory)), NOTHING
    if proxy and workload.annotations.get("sidecar.istio.io/inject") != "false":
        sidecar = _sidecar(workload.annotations, proxy)
    # istio-init requests as much as the sidecar (Istio's injection template); the services' own init
    # containers request nothing.
    return effective_request([own, sidecar], [sidecar])


def _sidecar(annotations: Mapping[str, str], proxy: ResourceRequest) -> ResourceRequest:
    own = {
        part: annotations.get(f"sidecar.istio.io/proxy{part}")
        for part in ("CPU", "CPULimit", "Memory", "MemoryLimit")
    }
    if not any(own.values()):
        return proxy
    # With one annotation of its own a pod gets none of the defaults; Kubernetes takes a limit for the
    # request that is left out.
    cpu, memory = own["CPU"] or own["CPULimit"] or "0", own["Memory"] or own["MemoryLimit"] or "0"
    return ResourceRequest(millicores(cpu), memory_bytes(memory))

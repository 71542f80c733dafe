"""Where the pods of a plan go on the nodes of their domain.

Arithmetic on requests. Beside these pods only daemonsets are on the nodes: the taint keeps others away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rollout.spec.instances import (
    DAEMONSETS,
    MIB,
    NOTHING,
    PROXY,
    Allocatable,
    Load,
    ResourceRequest,
    pod_request,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.services import Wanted


@dataclass(frozen=True)
class PlannedPod:
    """One pod; those of one Deployment are equal.

    Attributes:
        app: The service or the companion.
        release: Which of its Deployments.
        domain: Whose nodes it may use.
        requests: What it counts for.
    """

    app: str
    release: Literal["stable", "canary"]
    domain: str
    requests: ResourceRequest


@dataclass(frozen=True)
class Fit:
    """Where pods went on equal nodes.

    Attributes:
        node: What one node offers.
        nodes: What is on each, daemonsets included.
        unplaced: The pods without room, in order.
        lacking: Why the first of them has none, with the arithmetic; empty where all fit.
    """

    node: Allocatable
    nodes: tuple[Load, ...]
    unplaced: tuple[PlannedPod, ...]
    lacking: str

    @property
    def ok(self) -> bool:
        """Whether every pod has room."""
        return not self.unplaced


def placed(
    services: Mapping[str, Wanted],
    plans: Mapping[str, RolloutPlan],
    proxy: ResourceRequest | None = PROXY,
    late: Collection[str] = (),
) -> dict[str, tuple[PlannedPod, ...]]:
    """The planned pods by domain, in the order in which they come: all of stable, then canaries.

    Where an autoscaler owns the number, the plan counts its floor.

    Args:
        services: The services of a stack.
        plans: Their plans.
        proxy: What Istio's sidecar requests; None where nothing injects it.
        late: Services whose canaries come after all others, since they are not there yet.
    """
    found: dict[str, list[PlannedPod]] = {wanted.domain: [] for wanted in services.values()}
    for name, wanted in services.items():
        own, domain = wanted.service, wanted.domain
        pod = PlannedPod(name, "stable", domain, pod_request(own, proxy))
        found[domain] += [pod] * plans[name].stable.replicas
        for app, companion in own.companions.items():
            found[domain] += [
                PlannedPod(app, "stable", domain, pod_request(companion, proxy))
            ] * companion.replicas
    for name in sorted(services, key=lambda name: name in late):
        wanted = services[name]
        if canary := plans[name].canary:
            pod = PlannedPod(name, "canary", wanted.domain, pod_request(wanted.service, proxy))
            found[pod.domain] += [pod] * canary.replicas
    return {domain: tuple(pods) for domain, pods in found.items()}


def fits(
    pods: Sequence[PlannedPod],
    node: Allocatable,
    nodes: int,
    daemonsets: Sequence[ResourceRequest] = DAEMONSETS,
) -> Fit:
    """Places pods one after the other on equal nodes, as the scheduler does.

    Each goes where there is room and the allocated share is least, CPU and memory counted alike
    (`LeastAllocated`, the scheduler's default). One without room stays out, and the next is tried.

    Args:
        pods: The pods of one domain, in order.
        node: What one node offers.
        nodes: How many there are.
        daemonsets: What each runs before anything else.
    """
    loads = [Load(len(daemonsets), sum(daemonsets, NOTHING))] * nodes
    unplaced, lacking = [], ""
    for pod in pods:
        after = [load + Load(1, pod.requests) for load in loads]
        roomy = [place for place in range(nodes) if _holds(node, after[place])]
        if roomy:
            best = min(roomy, key=lambda place: _share(node, loads[place]))
            loads[best] = after[best]
        else:
            lacking = lacking or _lacking(pod, node, loads)
            unplaced.append(pod)
    return Fit(node, tuple(loads), tuple(unplaced), lacking)


def _lacking(pod: PlannedPod, node: Allocatable, loads: Sequence[Load]) -> str:
    need = f"{pod.release} {pod.app} needs {pod.requests}"
    if not loads:
        return f"{need}; domain {pod.domain} has no node"
    freest = min(loads, key=lambda load: (load.pods >= node.pods, _share(node, load)))
    nodes = f"{len(loads)} {node.instance_type} node{'s' if len(loads) > 1 else ''} of domain {pod.domain}"
    left = node.left(freest).requests
    room = f"has {left.cpu_millicores}m and {left.memory_bytes // MIB}Mi left of {node}"
    if freest.pods >= node.pods:
        room = f"runs all of the {node.pods} pods that it may"
    return f"{need}; the freest of {nodes} {room}"


def _holds(node: Allocatable, load: Load) -> bool:
    left = node.left(load)
    return min(left.pods, left.requests.cpu_millicores, left.requests.memory_bytes) >= 0


def _share(node: Allocatable, load: Load) -> float:
    return load.requests.cpu_millicores / node.cpu_millicores + load.requests.memory_bytes / node.memory_bytes

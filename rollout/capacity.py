"""Whether the pods of a plan find room on the nodes of their domain (rule 17), and what canaries cost.

Arithmetic on requests. Beside these pods only daemonsets are on the nodes: the taint keeps others away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from rollout.instances import DAEMONSETS, MIB, NOTHING, PROXY, Allocatable, Load, Request, least, pod_request
from rollout.order import Direction
from rollout.settings import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rollout.plan import RolloutPlan
    from rollout.services import Wanted
    from rollout.settings import NodeGroupSettings, Settings

MOST_NODES: Final = 100
"""The most nodes that the settings of a group may name."""


@dataclass(frozen=True)
class Pod:
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
    requests: Request


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
    unplaced: tuple[Pod, ...]
    lacking: str

    @property
    def ok(self) -> bool:
        """Whether every pod has room."""
        return not self.unplaced

    @property
    def headroom(self) -> tuple[Load, ...]:
        """What is left on each node."""
        return tuple(self.node.left(load) for load in self.nodes)


@dataclass(frozen=True)
class Shortage:
    """A domain whose nodes do not take every planned pod.

    Attributes:
        domain: The domain.
        refused: Services whose canaries have no room on any allowed number of nodes; if none, warn.
        text: What is lacking, and what to do.
    """

    domain: str
    refused: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Extra:
    """What a canary adds to its stable, by plan.

    Attributes:
        name: The service, or `total`.
        stable: Stable's pods, without companions, which have no canary. Blue-green adds as much: 100 %.
        canary: The canary's pods.
    """

    name: str
    stable: Load
    canary: Load

    @property
    def percent(self) -> tuple[float, float, float]:
        """The canary's pods, CPU and memory in per cent of stable's, one decimal."""
        added, own = self.canary.requests, self.stable.requests
        pairs = (
            (self.canary.pods, self.stable.pods),
            (added.cpu_millicores, own.cpu_millicores),
            (added.memory_bytes, own.memory_bytes),
        )
        pods, cpu, memory = (round(100 * part / whole, 1) if whole else 0.0 for part, whole in pairs)
        return pods, cpu, memory


def placed(
    services: Mapping[str, Wanted], plans: Mapping[str, RolloutPlan], proxy: Request | None = PROXY
) -> dict[str, tuple[Pod, ...]]:
    """The planned pods by domain, in the order in which they come: all of stable, then canaries.

    Where an autoscaler owns the number, the plan counts its floor.

    Args:
        services: The services of a stack.
        plans: Their plans.
        proxy: What Istio's sidecar requests; None where nothing injects it.
    """
    found: dict[str, list[Pod]] = {wanted.service.domain: [] for wanted in services.values()}
    for name, wanted in services.items():
        own, domain = wanted.service, wanted.service.domain
        found[domain] += [Pod(name, "stable", domain, pod_request(own, proxy))] * plans[name].stable.replicas
        for app, companion in own.companions.items():
            found[domain] += [Pod(app, "stable", domain, pod_request(companion, proxy))] * companion.replicas
    for name, wanted in services.items():
        if canary := plans[name].canary:
            pod = Pod(name, "canary", wanted.service.domain, pod_request(wanted.service, proxy))
            found[pod.domain] += [pod] * canary.replicas
    return {domain: tuple(pods) for domain, pods in found.items()}


def surge(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """What a rolling update of all Deployments adds while it runs: one pod each (`maxSurge: 1`)."""
    return tuple(dict.fromkeys(pods))


def fits(
    pods: Sequence[Pod], node: Allocatable, nodes: int, daemonsets: Sequence[Request] = DAEMONSETS
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


def shortages(
    services: Mapping[str, Wanted],
    plans: Mapping[str, RolloutPlan],
    settings: Settings,
    *,
    proxy: Request | None = PROXY,
    daemonsets: Sequence[Request] = DAEMONSETS,
) -> tuple[Shortage, ...]:
    """The domains that are short of room on their desired nodes, by name.

    Refused are canaries that the group's most nodes do not take either. The way back is always open
    (rule 13), so a canary whose weight falls leads to a warning, as does stable by itself.

    Args:
        services: The services of the stack.
        plans: Their plans.
        settings: The stack's settings, for its node groups.
        proxy: What Istio's sidecar requests; None where nothing injects it.
        daemonsets: What each node runs before anything else.
    """
    found = []
    for domain, pods in sorted(placed(services, plans, proxy).items()):
        group = settings.node_groups[domain]
        try:
            on = partial(fits, pods, least(group.instance_types), daemonsets=daemonsets)
        except LookupError as error:
            found.append(Shortage(domain, (), f"the room on domain {domain} was not checked: {error}"))
            continue
        if not on(group.desired).ok:
            found.append(_shortage(domain, group, plans, on))
    return tuple(found)


def extras(
    services: Mapping[str, Wanted], plans: Mapping[str, RolloutPlan], proxy: Request | None = PROXY
) -> tuple[Extra, ...]:
    """What canaries cost: every service in the catalog's order, the total last."""
    found = []
    for name, wanted in services.items():
        pod, plan = Load(1, pod_request(wanted.service, proxy)), plans[name]
        canary = plan.canary.replicas if plan.canary else 0
        found.append(Extra(name, sum([pod] * plan.stable.replicas, Load()), sum([pod] * canary, Load())))
    stable = sum((one.stable for one in found), Load())
    return (*found, Extra("total", stable, sum((one.canary for one in found), Load())))


def _shortage(
    domain: str, group: NodeGroupSettings, plans: Mapping[str, RolloutPlan], on: Callable[[int], Fit]
) -> Shortage:
    enough = next((nodes for nodes in range(group.desired, MOST_NODES + 1) if on(nodes).ok), None)
    if enough and enough <= group.max:
        way = f"on {enough} there is room, so pods wait until the cluster autoscaler has added nodes"
        return Shortage(domain, (), f"{on(group.desired).lacking}; {way}")
    most, key = on(group.max), f"{NAMESPACE}:nodeGroups.{domain}"
    way = f"raise {key}.max from {group.max} to {enough}" if enough else f"choose larger {key}.instanceTypes"
    canaries = dict.fromkeys(pod.app for pod in most.unplaced if pod.release == "canary")
    refused = tuple(name for name in canaries if plans[name].order.direction is not Direction.DOWN)
    return Shortage(domain, refused, f"{most.lacking}; {way}, or request less")


def _lacking(pod: Pod, node: Allocatable, loads: Sequence[Load]) -> str:
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

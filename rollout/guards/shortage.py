"""Domains whose nodes are short of room for what is planned (rule 17)."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from rollout.guards.capacity import Fit, PlannedPod, fits, placed
from rollout.plan.order import Direction
from rollout.problems import NAMESPACE, key_path
from rollout.spec.instances import DAEMONSETS, PROXY, SHAPES, ResourceRequest, least

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rollout.plan.prior import Prior
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.services import Wanted
    from rollout.spec.settings import NodeGroupSettings, Settings

MOST_NODES: Final = 100
"""The most nodes that the settings of a group may name."""


@dataclass(frozen=True)
class Shortage:
    """A domain whose nodes do not take every planned pod.

    Attributes:
        domain: The domain.
        refused: Services whose canaries have no room on any allowed number of nodes; if none, warn.
        waits: Whether the group's most nodes have room, so that the autoscaler helps.
        text: What is lacking, and what to do.
        command: What to do as a shell command; empty where nothing is to be done or none helps.
    """

    domain: str
    refused: tuple[str, ...]
    waits: bool
    text: str
    command: str


def added_pods(plan: RolloutPlan, prior: Prior | None) -> int:
    """The pods by which a canary grows in this update; negative where it shrinks."""
    now = plan.canary.replicas if plan.canary else 0
    if prior is None or prior.phase == 0:
        return now
    return now - prior.pods.canary


def shortages(
    services: Mapping[str, Wanted],
    plans: Mapping[str, RolloutPlan],
    settings: Settings,
    prior: Mapping[str, Prior] | None = None,
    *,
    proxy: ResourceRequest | None = PROXY,
    daemonsets: Sequence[ResourceRequest] = DAEMONSETS,
) -> tuple[Shortage, ...]:
    """The domains that are short of room on their desired nodes, by name.

    Refused are canaries that the group's most nodes do not take either, and of those only the ones that
    grow in this update: a neighbour that moves up must not get an unchanged canary refused. The way back
    is always open (rule 13), so a canary whose weight falls leads to a warning, as does stable by itself.

    Args:
        services: The services of the stack.
        plans: Their plans.
        settings: The stack's settings, for its node groups.
        prior: What the last update left; by default nothing, so that every canary is new.
        proxy: What Istio's sidecar requests; None where nothing injects it.
        daemonsets: What each node runs before anything else.
    """
    before = prior or {}
    growing = {
        name
        for name, plan in plans.items()
        if added_pods(plan, before.get(name)) > 0 and plan.order.direction is not Direction.DOWN
    }
    found = []
    for domain, pods in sorted(placed(services, plans, proxy, growing).items()):
        group = settings.node_groups[domain]
        try:
            on = partial(fits, pods, least(group.instance_types), daemonsets=daemonsets)
        except LookupError as error:
            text = f"the room on domain {domain} was not checked: {error}"
            found.append(Shortage(domain, (), waits=False, text=text, command=""))
            continue
        if not on(group.desired).ok:
            larger = _larger(pods, group, daemonsets)
            short, unplaced = _shortage(domain, group, on, larger)
            canaries = dict.fromkeys(pod.app for pod in unplaced if pod.release == "canary")
            refused = tuple(name for name in canaries if name in growing)
            found.append(dataclasses.replace(short, refused=refused))
    return tuple(found)


def short_while_it_runs(
    services: Mapping[str, Wanted],
    plans: Mapping[str, RolloutPlan],
    settings: Settings,
    prior: Mapping[str, Prior],
    *,
    proxy: ResourceRequest | None = PROXY,
    daemonsets: Sequence[ResourceRequest] = DAEMONSETS,
) -> tuple[Shortage, ...]:
    """The domains that have room for the plan, but not for what runs beside it on the way there.

    A Deployment whose image changes runs one pod more until its old pods have gone (`maxSurge: 1`), and
    a promotion does so while the canary still carries everything. Only changes of images are known here:
    outputs do not tell the rest of a pod's template.

    Args:
        services: The services of the stack.
        plans: Their plans.
        settings: The stack's settings, for its node groups.
        prior: What the last update left.
        proxy: What Istio's sidecar requests; None where nothing injects it.
        daemonsets: What each node runs before anything else.
    """
    during = {name: _larger_canary(plan, prior.get(name)) for name, plan in plans.items()}
    pods = placed(services, during, proxy)
    for name, plan in plans.items():
        if before := prior.get(name):
            domain, own = services[name].domain, services[name].service
            rolling = [(name, "stable"), *((app, "stable") for app in own.companions)]
            rolling = rolling if before.stable_image != plan.stable.image else []
            if plan.canary and before.phase and before.canary_image != plan.canary.image:
                rolling.append((name, "canary"))
            surge = dict.fromkeys(pod for pod in pods[domain] if (pod.app, pod.release) in rolling)
            pods[domain] += tuple(surge)
    final = placed(services, plans, proxy)
    found = []
    for domain in sorted(pods):
        group = settings.node_groups[domain]
        try:
            node = least(group.instance_types)
        except LookupError:
            continue  # told where the plan itself is looked at
        on = partial(fits, pods[domain], node, daemonsets=daemonsets)
        if fits(final[domain], node, group.desired, daemonsets).ok and not on(group.desired).ok:
            short, _ = _shortage(domain, group, on, _larger(pods[domain], group, daemonsets))
            text = f"while this update runs, {short.text}"
            found.append(dataclasses.replace(short, text=text))
    return tuple(found)


def _larger_canary(plan: RolloutPlan, prior: Prior | None) -> RolloutPlan:
    """The plan with the canary that is there on the way: the old one, where that had more pods."""
    if prior is None:
        return plan
    if plan.canary:
        most = max(plan.canary.replicas, prior.pods.canary)
        return dataclasses.replace(plan, canary=dataclasses.replace(plan.canary, replicas=most))
    if not prior.pods.canary:
        return plan
    return dataclasses.replace(plan, canary=dataclasses.replace(plan.stable, replicas=prior.pods.canary))


def _shortage(
    domain: str, group: NodeGroupSettings, on: Callable[[int], Fit], larger: str | None
) -> tuple[Shortage, tuple[PlannedPod, ...]]:
    """What is lacking and the way on, and the pods that the group's most nodes do not take."""
    enough = next((nodes for nodes in range(group.desired, MOST_NODES + 1) if on(nodes).ok), None)
    if enough and enough <= group.max:
        text = f"{on(group.desired).lacking}; on {enough} there is room, so pods wait until the cluster "
        return Shortage(domain, (), waits=True, text=f"{text}autoscaler has added nodes", command=""), ()
    most, key, command = on(group.max), f"nodeGroups.{domain}", ""
    if enough:
        way = f"raise {NAMESPACE}:{key}.max from {group.max} to {enough}"
        command = f"pulumi config set --path {_quoted(f'{key}.max')} {enough}"
    else:
        way = f"choose larger {NAMESPACE}:{key}.instanceTypes"
        if larger:
            way += f" ({larger} has room)"
            others = range(len(group.instance_types) - 1, 0, -1)
            removed = [
                f"pulumi config rm --path {_quoted(f'{key}.instanceTypes[{place}]')}" for place in others
            ]
            first = f"pulumi config set --path {_quoted(f'{key}.instanceTypes[0]')} {larger}"
            command = " && ".join([*removed, first])
    text = f"{most.lacking}; {way}, or request less"
    return Shortage(domain, (), waits=False, text=text, command=command), most.unplaced


def _larger(
    pods: Sequence[PlannedPod], group: NodeGroupSettings, daemonsets: Sequence[ResourceRequest]
) -> str | None:
    """The smallest known instance type, of the first one's family if there is one, that has room for all."""
    family = group.instance_types[0].split(".")[0]
    by_size = sorted(SHAPES, key=lambda one: (one.split(".")[0] != family, SHAPES[one][:2]))
    return next((one for one in by_size if fits(pods, least([one]), group.max, daemonsets).ok), None)


def _quoted(key: str) -> str:
    return shlex.quote(f"{NAMESPACE}:{key}" if "[" in key else f"{NAMESPACE}:{key_path(key.split('.'))}")

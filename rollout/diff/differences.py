"""What an update changes that is no rollout: pods that restart, what is deleted, replaced, changed and made.

It compares what the program declares with what the state holds, object by object, so there is no second
model of the program to keep in step. What a rollout changes of a service is told by its own plan and is
left out here: images, numbers of pods, the split of the traffic, and what keeps stable's size meanwhile.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rollout.diff.objects import compared
from rollout.diff.paths import hosts, paths
from rollout.diff.pods import TEMPLATE, because
from rollout.diff.values import Difference, different, grouped
from rollout.traffic.names import canary_name
from rollout.traffic.strip import without_split

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from rollout.diff.objects import Object

ORDER: Final = ("restarts", "deleted", "replaced", "renewed", "changed", "made")

REPLACES: Final = ("metadata.name", "metadata.namespace", "spec.selector.matchLabels", "nodeGroupName")
"""What cannot change in place: names and namespaces, a Deployment's selector, and the name of a node group,
which follows from all that EKS cannot change of it."""

OF_A_ROLLOUT: Final = {
    "Deployment": ("spec.replicas",),
    # Without routes stable takes over by these.
    "DestinationRule": ("spec.trafficPolicy.loadBalancer.localityLbSetting",),
    "HorizontalPodAutoscaler": ("spec.behavior",),
    "ScaledObject": ("spec.advanced",),
    "Service": ("spec.selector",),
}
"""What a rollout changes of stable's objects, by kind."""

SCALING: Final = {
    "scalingConfig.minSize": "fewest nodes",
    "scalingConfig.maxSize": "most nodes",
    "instanceTypes": "instance types",
    "blockDeviceMappings[0].ebs.volumeSize": "GiB of disk",
}


@dataclass(frozen=True)
class Beside:
    """One thing that an update does beside rollouts.

    Attributes:
        does: `restarts`, `deleted`, `replaced`, `renewed`, `changed` or `made`.
        what: The Deployments, services, node groups or objects that it happens to.
        why: What of them changes, or what goes with them.
    """

    does: str
    what: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class RolloutContext:
    """What a comparison must know of the rollouts.

    Attributes:
        moving: The services whose rollout changes, and those that are new.
        canaries: Those of them whose canary was there before, so that their plan tells of its end.
        domains: The services on the nodes of each domain.
    """

    moving: Collection[str]
    canaries: Collection[str]
    domains: Mapping[str, Sequence[str]]


def differences(
    declared: Iterable[Object], state: Iterable[Object], rollouts: RolloutContext
) -> tuple[Beside, ...]:
    """Compares what is declared with what the state holds.

    Args:
        declared: What the program declares.
        state: What the updates until now left.
        rollouts: What rollouts do at the same time.

    Returns:
        What restarts first, then what is deleted, replaced, renewed, changed and made. What happens to several
        for the same reason is one entry.
    """
    new, old = ({one.urn: one for one in side} for side in (declared, state))
    found: dict[tuple[str, tuple[str, ...]], dict[str, None]] = {}
    told = [
        *_deleted([old[urn] for urn in old if urn not in new], new.values(), rollouts),
        *(one for urn in new if urn in old for one in _changed(old[urn], new[urn], rollouts)),
        *_made([new[urn] for urn in new if urn not in old], rollouts),
        *_protected(old, new),
    ]
    renamed = {what for does, what, _ in told if does == "replaced"}
    for does, what, why in told:
        if does != "renewed" or what not in renamed:
            found.setdefault((does, why), {})[what] = None
    entries = [Beside(does, tuple(sorted(what)), why) for (does, why), what in found.items()]
    return tuple(sorted(entries, key=lambda one: (ORDER.index(one.does), one.what, one.why)))


Told = tuple[str, str, tuple[str, ...]]


def _deleted(
    objects: Sequence[Object], declared: Iterable[Object], rollouts: RolloutContext
) -> Iterable[Told]:
    kept = {(one.of_a_service, one.owner) for one in declared}
    whole = [one for one in objects if one.of_a_service and (True, one.owner) not in kept]
    for service in dict.fromkeys(one.owner for one in whole):
        own = [one for one in whole if one.owner == service]
        reached = dict.fromkeys(path for one in own for path in (*paths(one.inputs), *hosts(one)))
        counts = Counter(one.kind for one in own)
        kinds = ", ".join(f"{count} {kind}s" if count > 1 else kind for kind, count in counts.items())
        yield "deleted", service, (f"all of it: {kinds}", *_unanswered(reached))
    for one in objects:
        if one in whole or one.kind == "LaunchTemplate":
            continue
        if one.of_a_service and one.owner in rollouts.canaries and one.name == canary_name(one.owner):
            continue
        with_it = ("with everything in it",) if one.kind == "Namespace" else ()
        yield "deleted", str(one), (*with_it, *_unanswered((*paths(one.inputs), *hosts(one))))


def _unanswered(leads: Collection[str]) -> tuple[str, ...]:
    return (f"nobody answers {', '.join(leads)} any more",) if leads else ()


def _made(objects: Iterable[Object], rollouts: RolloutContext) -> Iterable[Told]:
    for one in objects:
        if one.kind != "LaunchTemplate" and not (one.of_a_service and one.owner in rollouts.moving):
            yield "made", str(one), ()


def _changed(before: Object, after: Object, rollouts: RolloutContext) -> Iterable[Told]:
    found = compared(before, after)
    if after.type.startswith("pulumi:providers:"):
        yield from _other_cluster(found)
    elif any(one.path.startswith(REPLACES) for one in found):
        yield from _replaced(after, found, rollouts)
    elif after.kind == "LaunchTemplate":
        if any(not one.path.startswith("tags") for one in found):
            yield "renewed", f"node group {after.name}", (_sizes(found), *_pods(after, rollouts))
    elif after.kind == "NodeGroup":
        if found:
            yield "changed", str(after), (_sizes(found),)
    elif after.kind == "VirtualService":
        yield from _routes(before, after, found, rollouts)
    else:
        yield from _object(after, found, rollouts)


def _replaced(after: Object, found: Sequence[Difference], rollouts: RolloutContext) -> Iterable[Told]:
    if after.kind == "NodeGroup":
        why = [one for one in found if one.path != "nodeGroupName"]
        yield "replaced", str(after), (_sizes(why), *_pods(after, rollouts))
        return
    moved = [one for one in found if one.path == "metadata.namespace"]
    if moved and after.of_a_service:
        yield "replaced", after.owner, (f"all of it: {moved[0].words('namespace')}",)
    else:
        yield "replaced", str(after), grouped(one for one in found if one.path.startswith(REPLACES))


def _object(after: Object, found: Sequence[Difference], rollouts: RolloutContext) -> Iterable[Told]:
    own = after.of_a_service and after.owner in rollouts.moving
    stable, canary = after.name == after.owner, after.name == canary_name(after.owner)
    rollout = own and (stable or canary)
    if after.kind == "Deployment" and (why := because(found, images=not rollout)):
        yield "restarts", after.name, why
    rest = [one for one in found if after.kind != "Deployment" or not one.path.startswith(TEMPLATE)]
    if rollout:
        # All of what belongs to a canary alone follows its phase.
        alone = canary and after.kind != "Deployment"
        rest = [
            one for one in rest if not alone and not one.path.startswith(OF_A_ROLLOUT.get(after.kind, ()))
        ]
    if rest:
        yield "changed", str(after), grouped(rest)


def _routes(
    before: Object, after: Object, found: Sequence[Difference], rollouts: RolloutContext
) -> Iterable[Told]:
    if after.owner in rollouts.moving:
        found = different(without_split(before.inputs), without_split(after.inputs))
    if not found:
        return
    was, now = paths(before.inputs), paths(after.inputs)
    why = [
        f"{said} {', '.join(gone)}"
        for said, gone in (
            ("no longer routes", [path for path in was if path not in now]),
            ("routes", [path for path in now if path not in was]),
        )
        if gone
    ]
    rest = [one for one in found if not (why and one.path.startswith("spec.http"))]
    yield "changed", str(after), (*why, *grouped(rest))


def _other_cluster(found: Sequence[Difference]) -> Iterable[Told]:
    for one in found:
        if one.path == "clusterIdentifier":
            names = [str(value).rsplit("/", 1)[-1] for value in (one.old, one.new)]
            # The account in it is not known without AWS.
            if names[0] != names[1]:
                yield "replaced", "everything in Kubernetes", (f"cluster {names[0]} → {names[1]}",)
        elif one.path == "context":
            yield "changed", "the way to the cluster", (one.words("context"),)


def _protected(old: Mapping[str, Object], new: Mapping[str, Object]) -> Iterable[Told]:
    pairs = [(old[urn].protect, new[urn].protect) for urn in new if urn in old]
    for before, why in ((False, "refuse to be deleted from now on"), (True, "can be deleted from now on")):
        if count := pairs.count((before, not before)):
            yield "changed", f"{count} object{'' if count == 1 else 's'}", (why,)


def _sizes(found: Sequence[Difference]) -> str:
    words = [one.words(SCALING[one.path]) for one in found if one.path in SCALING]
    return ", ".join((*words, *grouped(one for one in found if one.path not in SCALING)))


def _pods(group: Object, rollouts: RolloutContext) -> tuple[str, ...]:
    services = rollouts.domains.get(group.name, ())
    return (f"pods of {', '.join(services)} move",) if services else ()

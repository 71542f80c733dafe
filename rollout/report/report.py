"""The plan of an update as values: what changes, what users meet, what it costs, what is refused.

`wording` and `markdown` make text of it, `report_json` what scripts read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.guards.capacity import fits, placed
from rollout.report.cost import Extra, extras
from rollout.report.order import order_in_words
from rollout.report.traffic import traffic, without_weight
from rollout.spec.instances import DAEMONSETS, Allocatable, Load, least
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.diff.differences import Beside
    from rollout.guards.refusal import Refusal
    from rollout.guards.review import Review
    from rollout.plan.order import Direction
    from rollout.plan.prior import Prior
    from rollout.plan.service_plan import RolloutPlan
    from rollout.plan.update import Update
    from rollout.spec.service import ServiceSpec
    from rollout.spec.services import Wanted
    from rollout.spec.stickiness import Stickiness


@dataclass(frozen=True)
class Side:
    """A service before or after an update.

    Attributes:
        phase: Its phase.
        share: What the canary gets of the traffic without the header, in per cent.
        stable: Stable's version.
        canary: The canary's; None without one.
        stable_pods: Stable's pods by plan.
        canary_pods: The canary's.
        level: How far the canary is, in words: `off`, `the header alone`, `phase 1 (no traffic)`, `20 %`.
    """

    phase: int
    share: float
    stable: str
    canary: str | None
    stable_pods: int
    canary_pods: int
    level: str


@dataclass(frozen=True)
class ServiceChange:
    """What an update does to the rollout of one service.

    Attributes:
        service: Its name.
        direction: Which way it goes.
        before: What the last update left; None if it left nothing.
        after: What this one makes true.
        with_header: What a request with the canary header meets afterwards, in words.
        without_header: What all others meet.
        order: What happens one after the other.
        extra: Stable's pods and the canary's, with what they request.
        refused: Whether a rule stands against it.
        falls_back: Whether stable takes the canary's share where the canary cannot.
        keeps: By what users are known who keep their version: `cookie NAME`, `header NAME`; empty: none does.
    """

    service: str
    direction: Direction
    before: Side | None
    after: Side
    with_header: str
    without_header: str
    order: tuple[str, ...]
    extra: Extra
    refused: bool
    falls_back: bool = False
    keeps: str = ""

    @property
    def added(self) -> int:
        """The pods of both releases that it adds; negative where it takes some away."""
        before = self.before.stable_pods + self.before.canary_pods if self.before else 0
        return self.after.stable_pods + self.after.canary_pods - before


@dataclass(frozen=True)
class Room:
    """What the nodes of a domain offer, and what is asked of them.

    Attributes:
        domain: The domain.
        nodes: How many nodes are desired.
        node: What one offers.
        asked: Pods and requests, daemonsets included.
        fits: Whether every pod has room on them.
    """

    domain: str
    nodes: int
    node: Allocatable
    asked: Load
    fits: bool


@dataclass(frozen=True)
class Report:
    """Everything that there is to say about an update.

    Attributes:
        stack: The stack's name.
        file: Its file.
        first: Whether no outputs of an earlier update are known.
        changes: The services whose rollout changes, in the catalog's order.
        unchanged: The names of the others.
        rooms: The domains of those that change.
        total: All canaries beside all of stable.
        refused: What stands against the update.
        warnings: What a person should know.
        beside: What changes that is no rollout; None where that was not looked at.
    """

    stack: str
    file: str
    first: bool
    changes: tuple[ServiceChange, ...]
    unchanged: tuple[str, ...]
    rooms: tuple[Room, ...]
    total: Extra
    refused: tuple[Refusal, ...]
    warnings: tuple[str, ...]
    beside: tuple[Beside, ...] | None = None


def report(update: Update, judged: Review) -> Report:
    """Looks at an update from all sides.

    Args:
        update: The update.
        judged: Its review.
    """
    moving = update.moving
    refused = {one.service for one in judged.refused}
    *costs, total = extras(update.services, update.plans)
    by_name = {one.name: one for one in costs}
    changes = tuple(
        _change(
            update.services[name], update.plans[name], update.prior.get(name), by_name[name], name in refused
        )
        for name in moving
    )
    return Report(
        stack=update.stack,
        file=update.file,
        first=not update.prior,
        changes=changes,
        unchanged=tuple(name for name in update.services if name not in moving),
        rooms=_rooms(update),
        total=total,
        refused=judged.refused,
        warnings=judged.warnings,
    )


def _change(
    wanted: Wanted, planned: RolloutPlan, prior: Prior | None, extra: Extra, refused: bool
) -> ServiceChange:
    meets, canary = traffic(planned), planned.canary
    canary_pods = canary.replicas if canary else 0
    return ServiceChange(
        service=planned.name,
        direction=planned.order.direction,
        before=_before(planned, wanted.service, prior) if prior else None,
        after=Side(
            phase=planned.phase,
            share=planned.share,
            stable=planned.stable.image.short,
            canary=canary.image.short if canary else None,
            stable_pods=planned.stable.replicas,
            canary_pods=canary_pods,
            level=_level(wanted.service, planned.phase, planned.share, canary_pods),
        ),
        falls_back=planned.weight > 0 and wanted.service.falls_back,
        keeps=_keeps(wanted.service.stickiness) if 0 < planned.weight < FULL_WEIGHT else "",
        with_header=meets["withHeader"],
        without_header=meets["withoutHeader"],
        order=order_in_words(wanted, planned, prior),
        extra=extra,
        refused=refused,
    )


def _keeps(stickiness: Stickiness | None) -> str:
    if stickiness is None:
        return ""
    return f"cookie {stickiness.cookie}" if stickiness.cookie else f"header {stickiness.header}"


def _before(planned: RolloutPlan, service: ServiceSpec, prior: Prior) -> Side:
    # Routes that an update moved before it failed are what users meet.
    share = prior.stands_at[0] if prior.stands_at[0] != prior.weight else prior.share
    canary = prior.canary_before(planned.canary.image if planned.canary else None)
    return Side(
        phase=prior.phase,
        share=share,
        stable=prior.stable_before(planned.stable.image).short,
        canary=canary.short if canary else None,
        stable_pods=prior.pods.stable,
        canary_pods=prior.pods.canary,
        level=_level(service, prior.phase, share, prior.pods.canary),
    )


def _level(service: ServiceSpec, phase: int, share: float, canary_pods: int) -> str:
    if share or not phase:
        return f"{share:g} %" if share else "off"
    # Only routes tell requests apart by a header.
    return (
        "the header alone" if service.by_weight else f"phase {phase} ({without_weight(service, canary_pods)})"
    )


def _rooms(update: Update) -> tuple[Room, ...]:
    found = []
    domains = {update.services[name].domain for name in update.moving}
    for domain, pods in sorted(placed(update.services, update.plans).items()):
        group = update.settings.node_groups[domain]
        if domain not in domains:
            continue
        try:
            node = least(group.instance_types)
        except LookupError:
            continue  # a warning says so
        daemons = [Load(1, one) for one in DAEMONSETS] * group.desired
        asked = sum((Load(1, pod.requests) for pod in pods), sum(daemons, Load()))
        found.append(Room(domain, group.desired, node, asked, fits(pods, node, group.desired).ok))
    return tuple(found)

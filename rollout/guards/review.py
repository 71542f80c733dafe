"""Judging a whole update before anything is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.guards.commands import to_phase
from rollout.guards.deletions import DELETIONS, deletions
from rollout.guards.guards import refusals
from rollout.guards.ports import ports_with_traffic_stay
from rollout.guards.refusal import Refusal, overruled
from rollout.guards.shortage import added_pods, short_while_it_runs, shortages
from rollout.problems import NAMESPACE, ConfigError, Problem
from rollout.spec.image import Image

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rollout.guards.shortage import Shortage
    from rollout.plan.update import Update


@dataclass(frozen=True)
class Review:
    """The judgement on an update.

    Attributes:
        refused: The refusals that stand.
        warnings: What a person should know: refusals that are overruled, reasons that stand without one,
            what pods wait for, and what the plans say.
    """

    refused: tuple[Refusal, ...]
    warnings: tuple[str, ...]


def review(update: Update) -> Review:
    """Judges an update by the guards (rules 13 to 15), the room on its nodes (rule 17), what it deletes (rule 18)."""
    found = [
        refusal
        for name in update.names
        for refusal in refusals(update.services[name], update.prior.get(name), first=not update.prior)
    ]
    short = shortages(update.services, update.plans, update.settings, update.prior)
    found += _without_room(update, short, {refusal.service for refusal in found})
    found += [*deletions(update.gone), *_ports(update, back=False)]
    reasons = update.settings.overrule
    standing, warnings = overruled((one.for_stack(update.stack) for one in found), reasons)
    idle = reasons.keys() - {refusal.service for refusal in found}
    return Review(
        standing,
        (
            *warnings,
            *(
                f"{name}: its guards are off ({reasons[name]}); to end that, remove {NAMESPACE}:overrule.{name}"
                for name in sorted(idle)
            ),
            *_room(update, short),
            *(f"{one.service}: {one.finding}" for one in _ports(update, back=True)),
            *_tags_that_move(update),
            *(warning for name in update.names for warning in update.plans[name].warnings),
        ),
    )


def _ports(update: Update, *, back: bool) -> list[Refusal]:
    """Rule 18 for the ports of the services that go back, or of the others: a way back is told and never refused."""
    return [
        refusal
        for name in update.names
        if name not in update.held and update.plans[name].order.retreats is back
        for refusal in ports_with_traffic_stay(update.services[name], update.prior.get(name))
    ]


def _tags_that_move(update: Update) -> tuple[str, ...]:
    """What pods of production may start beside what was tried: whatever was pushed last."""
    if not update.settings.production:
        return ()
    return (*_moving_stable(update), *_moving_init_images(update))


def _moving_stable(update: Update) -> tuple[str, ...]:
    found = [name for name in update.names if update.services[name].stable.is_pushed_again]
    if not found:
        return ()
    told = (
        f"stable of {', '.join(found)} has a tag that is pushed again (-latest): a pod that starts anew, and a way "
        f"back, may run another image than the one that was tried; name each by its digest: "
        f"{NAMESPACE}:services.{found[0]}.image: {{tag: TAG, digest: 'sha256:...'}}"
    )
    return (told,)


def _moving_init_images(update: Update) -> tuple[str, ...]:
    """No revision and no canary tries these, so a tag of any form is enough to change them."""
    found = [
        f"{one.image} of {app}"
        for name in update.names
        for app, workload in (
            (name, update.services[name].service),
            *update.services[name].service.companions.items(),
        )
        for one in workload.init_containers
        if Image.parse(one.image).digest is None
    ]
    told = f"{', '.join(found)}: an init image without a digest may be another at the next start of a pod"
    return (f"{told}; name it so in services.yaml: NAME:TAG@sha256:...",) if found else ()


def accept(update: Update) -> Review:
    """Refuses an update that breaks a guard for some service and is not overruled.

    Returns:
        Its review, in which nothing is refused.

    Raises:
        ConfigError: With every refusal that stands.
    """
    judged = review(update)
    if judged.refused:
        raise ConfigError(problems(update.file, judged.refused))
    return judged


def problems(file: str, refused: Sequence[Refusal]) -> list[Problem]:
    """Refusals as problems of the stack's file, or of services.yaml where that takes something away."""
    return [
        Problem("services.yaml", f"services.{one.service}", str(one))
        if one.rule == DELETIONS
        else Problem(file, f"{NAMESPACE}:rollouts.{one.service}", str(one))
        for one in refused
    ]


def _without_room(update: Update, short: Sequence[Shortage], judged: Collection[str]) -> list[Refusal]:
    """Rule 17: a canary that no allowed number of nodes takes beside what is there.

    A service that another rule refuses is left out: where it may go instead needs other room.
    """
    return [
        _refusal(update, one, name)
        for one in short
        for name in one.refused
        if name in update.names and name not in judged
    ]


def _refusal(update: Update, short: Shortage, name: str) -> Refusal:
    planned, prior = update.plans[name], update.prior.get(name)
    now = planned.canary.replicas if planned.canary else 0
    before = now - added_pods(planned, prior)
    # Where no nodes can be named that would do, the last update's phase is the way: it has its room.
    command = short.command or to_phase(update.services[name], prior.phase if prior else 0)
    return Refusal(name, 17, _pods(before), _pods(now), short.text, command)


def _pods(count: int) -> str:
    return f"{count or 'no'} canary pod{'' if count == 1 else 's'}"


def _room(update: Update, short: Sequence[Shortage]) -> list[str]:
    """What waits for nodes in this update, and what has no room on any number of them."""
    touched = {update.services[name].domain for name in update.moving}
    running = short_while_it_runs(update.services, update.plans, update.settings, update.prior)
    return [
        f"domain {one.domain}: {one.text}"
        for one in (*short, *running)
        # Nodes that the autoscaler added for an earlier update are there.
        if one.domain in touched or not (one.waits or update.only)
        if not one.refused
    ]

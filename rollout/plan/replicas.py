"""How many pods a canary has, and which share of the traffic that gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.spec.autoscaling import Bounds
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.spec.services import Wanted

PROD_FLOOR = 2
"""Canary pods at the least while they carry weight in prod: with a single one, each restart of it would send its
share to stable (rule 19), or, where that is turned off, to nobody."""


def canary_replicas(wanted: Wanted, weight: int) -> int:
    """The canary's pods while there is one (rules 5, 6 and 10).

    Where routes split the traffic: ceil(weight x stable), at least 1 and at least 2 with weight
    in prod; the full size on a blue-green ladder. Stable counts as its autoscaler's ceiling: it may
    be running that many when its traffic moves. So a step up never takes a pod from the canary, and
    the canary's own autoscaler takes away what is too much. Where the share is the ratio of pods: none
    without weight, but for a service that is reached by name and a worker with queues of its
    own; else the number, from 1 to stable's, whose share comes nearest to the weight.
    """
    if not splits(wanted, weight):
        return _by_ratio(wanted, weight, wanted.stable_replicas)
    least, scaler = _least(wanted, weight), wanted.service.autoscaler
    return max(_part(weight, scaler.max), least) if scaler else least


def splits(wanted: Wanted, weight: int) -> bool:
    """Whether the canary gets its weight, and not what the ratio of pods gives it (rule 5)."""
    return wanted.service.by_weight or (wanted.service.by_selector and weight == FULL_WEIGHT)


def _least(wanted: Wanted, weight: int) -> int:
    """What the canary needs while stable is at its least."""
    floor = PROD_FLOOR if weight and wanted.production else 1
    if wanted.rollout.steps.full_scale:
        return max(wanted.stable_replicas, floor)
    return max(_part(weight, wanted.stable_replicas), floor)


def _part(weight: int, pods: int) -> int:
    return -(-weight * pods // FULL_WEIGHT)


def _by_ratio(wanted: Wanted, weight: int, stable: int) -> int:
    if weight == 0:
        reached_apart = wanted.service.by_selector or bool(wanted.rollout.canary.queues)
        return 1 if reached_apart else 0
    return min(range(1, stable + 1), key=lambda count: abs(count / (stable + count) - weight / FULL_WEIGHT))


def share(wanted: Wanted, weight: int, replicas: int) -> float:
    """The share of the traffic without the header that the canary gets, in per cent, two decimals.

    At weight 100 requests to a gRPC service meet the canary alone, so its share is exact there.
    """
    if splits(wanted, weight) or weight == 0:
        return float(weight)
    return round(FULL_WEIGHT * replicas / (wanted.stable_replicas + replicas), 2)


@dataclass(frozen=True)
class Scaling:
    """One autoscaler.

    Attributes:
        bounds: Its floor and ceiling.
        may_shrink: Whether it may take pods away.
    """

    bounds: Bounds
    may_shrink: bool


def stable_scaling(wanted: Wanted, weight: int) -> Scaling | None:
    """Stable's autoscaler: while a canary carries weight it grows and never shrinks.

    A rollback then finds the capacity that it left (rule 10; flagger#1600, #869).
    """
    scaler = wanted.service.autoscaler
    if scaler is None:
        return None
    return Scaling(Bounds(min=scaler.min, max=scaler.max), may_shrink=weight == 0)


def canary_scaling(wanted: Wanted, weight: int, replicas: int) -> Scaling | None:
    """The canary's own autoscaler, while it carries weight and stable has one (rule 10).

    It begins at its ceiling, its share of stable's, and may shrink to its share of stable's floor.
    None where the share is the ratio of pods: there every pod of both sets carries the same load,
    stable's autoscaler relieves both, and a second one would move the share.
    """
    if wanted.service.autoscaler is None or weight == 0 or not splits(wanted, weight):
        return None
    return Scaling(Bounds(min=_least(wanted, weight), max=replicas), may_shrink=True)

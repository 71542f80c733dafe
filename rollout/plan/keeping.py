"""Which users keep the version that they met, from one update to the next (rule 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.traffic.kept import Kept, mark_of
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.plan.prior import Prior
    from rollout.spec.services import Wanted


def kept_by(wanted: Wanted, weight: int, prior: Prior | None) -> Kept | None:
    """What cookies mean after an update.

    A rollout keeps its users while its weight rises and its canary's image stays. Otherwise its number rises,
    so that no cookie of before means anything: after a falling weight, an abort, a promotion, another image.

    Args:
        wanted: The service.
        weight: The weight that it is to have, in per cent.
        prior: What the last update left; None before the first.

    Returns:
        None for a service that never gave out a cookie. The number stays where cookies are no longer wanted:
        browsers still have those of before.
    """
    stickiness, before = wanted.service.stickiness, prior.kept if prior else None
    wants = stickiness is not None and stickiness.cookie is not None
    if before is None:
        if not wants:
            return None
        before = Kept(1)
    goes_on = prior is not None and _goes_on(wanted, weight, prior)
    if prior is not None and not goes_on and (before.weights or _sends(prior.weights[1])):
        before = Kept(before.number + 1)
    if not wants or not _sends(weight):
        return before
    # Routes may be further than the outputs of an update that failed.
    reached = prior.stands_at[0] if prior and goes_on else 0
    visited = dict.fromkeys((*before.weights, *((reached,) if _sends(reached) else ()), weight))
    return Kept(before.number, mark_of(wanted.canary), tuple(visited))


def _goes_on(wanted: Wanted, weight: int, prior: Prior) -> bool:
    """Whether the rollout of before goes on. Routes that are behind what users were sent by have fallen meanwhile."""
    routes, (_, high) = prior.stands_at[0], prior.weights
    sent = prior.kept.weights if prior.kept else ()
    rises = weight >= high and routes >= max(prior.weight, *sent, 0)
    return rises and (not high or prior.tried(wanted.canary))


def _sends(weight: int) -> bool:
    """Whether some users meet the canary, and some do not."""
    return 0 < weight < FULL_WEIGHT

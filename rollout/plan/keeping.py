"""Which users keep the version that they met, from one update to the next (rule 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.traffic.kept import MOST_WEIGHTS, Kept, mark_of
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.spec.services import Wanted


def kept_by(wanted: Wanted, weight: int, before: Kept | None) -> Kept | None:
    """What cookies mean after an update.

    A rollout keeps its users while its weight rises and its canary's image stays. Otherwise its number rises,
    so that no cookie of before means anything: after a falling weight, an abort, a promotion, another image.

    Args:
        wanted: The service.
        weight: The weight that it is to have, in per cent.
        before: What its routes in the state say; None where no cookie ever was given out.

    Returns:
        None for a service that never gave out a cookie. The number stays where cookies are no longer wanted:
        browsers still have those of before.
    """
    stickiness = wanted.service.stickiness
    cookie = stickiness.cookie if stickiness else None
    if cookie is None or not weight:
        return before.ended if before else Kept(1) if cookie else None
    mark = mark_of(wanted.canary, cookie)
    now = Kept(1) if before is None else before if _goes_on(before, mark, weight) else before.ended
    if weight == FULL_WEIGHT:
        return now
    weights = tuple(dict.fromkeys((*now.weights, weight)))
    return Kept(now.number, mark, weights[-MOST_WEIGHTS:])


def forgets(after: Kept | None, before: Kept | None) -> bool:
    """Whether users who kept a version are routed anew."""
    return before is not None and bool(before.weights) and (after is None or after.number != before.number)


def _goes_on(before: Kept, mark: str, weight: int) -> bool:
    return not before.weights or (before.mark == mark and weight >= max(before.weights))

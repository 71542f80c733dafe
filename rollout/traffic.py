"""What a request meets, in words: the stack output `traffic`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.plan import RolloutPlan


def traffic(plan: RolloutPlan) -> dict[str, str]:
    """What requests, or messages of a queue, with and without the canary header meet.

    Returns:
        `{"withHeader": "canary", "withoutHeader": "80 % stable, 20 % canary"}`.
    """
    split = _split(plan.share)
    return {"withHeader": "canary" if plan.header_route else split, "withoutHeader": split}


def _split(share: float) -> str:
    parts = {"stable": round(FULL_WEIGHT - share, 2), "canary": share}
    return ", ".join(f"{part:g} % {name}" for name, part in parts.items() if part)

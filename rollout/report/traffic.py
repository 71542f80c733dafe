"""What a request meets, in words: the stack output `traffic`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.service import ServiceSpec


def traffic(plan: RolloutPlan) -> dict[str, str]:
    """What requests, or messages of a queue, with and without the canary header meet.

    Returns:
        `{"withHeader": "canary", "withoutHeader": "80 % stable, 20 % canary"}`.
    """
    split = _split(plan.share)
    return {"withHeader": "canary" if plan.header_route else split, "withoutHeader": split}


def without_weight(service: ServiceSpec, pods: int | None) -> str:
    """What a canary has that gets no weight: `header only`, or what stands for it where none reaches it.

    Args:
        service: What the service is.
        pods: The canary's pods; None where that is not known.
    """
    if service.by_weight:
        return "header only"
    if service.reads_queues and pods is not None:
        # It has pods for queues of its own alone.
        return "queues of its own" if pods else "no pods"
    return "no traffic"


def _split(share: float) -> str:
    parts = {"stable": round(FULL_WEIGHT - share, 2), "canary": share}
    return ", ".join(f"{part:g} % {name}" for name, part in parts.items() if part)

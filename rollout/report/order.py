"""In which order an update goes, in words: what it really does, and not every stage that it might have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.plan.order import Direction, Part
from rollout.plan.service_plan import service_version
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.plan.prior import Prior
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.services import Wanted


def order_in_words(wanted: Wanted, planned: RolloutPlan, prior: Prior | None) -> tuple[str, ...]:
    """The plan's stages in words, as far as this update has something to do in them.

    Args:
        wanted: The service as the stack's config asks for it.
        planned: Its plan.
        prior: What the last update left; None before the first.
    """
    words = {
        Part.STABLE: _stable_words(planned, prior),
        Part.CANARY: _canary_words(wanted, planned, prior),
        Part.ROUTES: _routes_words(wanted, planned, prior),
    }
    if words[Part.CANARY] and not wanted.service.reads_queues:
        words[Part.PAUSE] = f"pause of {planned.route_propagation_seconds} s"
    stages = (
        " and ".join(words[part] for part in Part if part in stage and words.get(part))
        for stage in planned.order.stages
    )
    return tuple(stage for stage in stages if stage)


def _stable_words(planned: RolloutPlan, prior: Prior | None) -> str:
    if prior is None:
        return "stable ready"
    if prior.stable_before(image := planned.stable.image) != image:
        return "new stable ready"
    return "stable resized" if prior.pods.stable != planned.stable.replicas else ""


def _canary_words(wanted: Wanted, planned: RolloutPlan, prior: Prior | None) -> str:
    was = prior is not None and prior.phase > 0
    if planned.canary is None:
        if was and wanted.service.reads_queues and planned.order.retreats:
            # Pulumi deletes when all else has ended well, and no route keeps work from it until then.
            return f"canary goes, last in the whole update (`eco2 abort {planned.name}` ends it first)"
        return "canary goes" if was else ""
    if not was or planned.order.direction is Direction.UP:
        return "canary ready" if planned.canary.replicas else ""
    assert prior is not None  # for mypy: `was` says so
    if planned.canary.replicas and not prior.tried(planned.canary.image):
        return "new canary ready"
    if prior.pods.canary == planned.canary.replicas:
        return ""
    return "canary shrinks" if planned.canary.replicas < prior.pods.canary else "canary grows"


def _routes_words(wanted: Wanted, planned: RolloutPlan, prior: Prior | None) -> str:
    if wanted.service.reads_queues:
        return ""
    before, after = prior.stands_at if prior else None, (planned.weight, planned.phase > 0)
    if wanted.service.by_weight:
        return "routes" if before != after else ""
    # Its Service selects stable, both or the canary, and knows no header.
    if before is None or service_version(wanted, before[0]) != planned.service_version:
        return "the Service's selector"
    # Both are selected, and at full weight proxies take the canary's pods first.
    first = [weight == FULL_WEIGHT for weight in (before[0], planned.weight)]
    return "the canary's priority" if first[0] != first[1] else ""

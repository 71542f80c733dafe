"""Guards: the updates of a service that are refused before anything changes (rules 13 to 15).

Each compares what the stack's config wants with what its last successful update left. An
update that failed leaves no outputs, so after it the comparison still starts where traffic
last stood by plan. Backward is never asked: no guard looks at how far a weight falls.

A changed ladder gives the same number of a phase another meaning, so then weights alone compare.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from rollout.guards.commands import set_image, to_phase
from rollout.guards.refusal import Refusal
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.plan.prior import Prior
    from rollout.spec.services import Wanted
    from rollout.traffic.ladder import Ladder


def refusals(wanted: Wanted, prior: Prior | None, *, first: bool) -> tuple[Refusal, ...]:
    """What speaks against one service's update; empty where it may go ahead.

    Args:
        wanted: The service as the stack's config asks for it.
        prior: What the last successful update left of it; None where it left nothing.
        first: Whether the stack has no outputs at all: it was never updated.

    Returns:
        All refusals, by the number of their rule, at most one for each.
    """
    if prior is None:
        return () if wanted.rollout.phase == 0 else (canary_needs_a_stable(wanted, first=first),)
    found = (
        forward_one_phase_at_a_time(wanted, prior),
        new_canary_image_starts_without_weight(wanted, prior),
        stable_image_rests_while_a_canary_is_in_flight(wanted, prior),
    )
    return tuple(one for one in found if one)


def canary_needs_a_stable(wanted: Wanted, *, first: bool) -> Refusal:
    """Rule 13: what a canary is compared with, and what takes its traffic back, runs before it does."""
    lately = "this stack was never updated" if first else "no update of this stack left this service"
    after = _place(wanted.rollout.phase, wanted.rollout.effective_weight)
    why = f"{lately}, so no stable is known to run that could take the traffic back; bring it up at phase 0 first"
    return Refusal(wanted.name, 13, "no stable", after, why, to_phase(wanted, 0))


def forward_one_phase_at_a_time(wanted: Wanted, prior: Prior) -> Refusal | None:
    """Rule 13: each step up is one phase, and phase 1 comes first for every image of the canary.

    Steps count by number and, since weights can be overridden, by weight as well: an update
    reaches at most one of the ladder's weights that the canary did not have.
    """
    ladder, phase, weight = wanted.rollout.steps, wanted.rollout.phase, wanted.rollout.effective_weight
    if phase == 0:
        return None
    lowest, _ = prior.weights
    reached = bisect_right(ladder.weights, lowest) if prior.phase else 0
    raised = bisect_right(ladder.weights, weight)
    fresh = not prior.tried(wanted.canary)
    before, after = _place(prior.phase, lowest), _place(phase, weight)
    if not _stands_on(ladder, prior):
        if weight <= lowest:
            return None
        # A phase's number means another weight here, so only weights compare: an update that changes
        # the ladder and does not raise the weight puts the canary on a phase of it.
        step = reached
        why = f"the ladder changes to {list(ladder.weights)}, whose phases are others, so going up at "
        why += "once could skip phases; take the ladder without raising the weight, then climb"
    elif phase > prior.phase + 1 or raised > reached + 1:
        step = min(prior.phase, reached) + 1
        why = "a canary goes up one phase at a time, by its number and by its weight"
    elif fresh and weight > 0 and lowest == 0:
        before, after = f"{before} with {_canary(prior)}", f"{after} with {wanted.canary}"
        step, why = 1, "this canary image has not been at phase 1, where only the header reaches it"
    else:
        return None
    # An image that has to begin anew may not take a higher step either (rule 14).
    return Refusal(wanted.name, 13, before, after, why, to_phase(wanted, 1 if fresh else step))


def new_canary_image_starts_without_weight(wanted: Wanted, prior: Prior) -> Refusal | None:
    """Rule 14: users meet no canary image that developers have not met before.

    With a weight before and after, pods of the new image would take over the old ones' share.
    """
    _, highest = prior.weights
    if prior.tried(wanted.canary) or not (prior.phase and highest and wanted.rollout.effective_weight):
        return None
    why = f"the canary's image changes while it has {highest} % of the traffic; first go back to phase 1"
    return Refusal(wanted.name, 14, _canary(prior), str(wanted.canary), why, to_phase(wanted, 1))


def stable_image_rests_while_a_canary_is_in_flight(wanted: Wanted, prior: Prior) -> Refusal | None:
    """Rule 15: stable is what traffic goes back to, so it does not change under a canary.

    The promotion is the exception: stable takes over the image that already has all the
    traffic. After a promotion that failed the last outputs are those of the full canary, so
    its rerun is a promotion again.
    """
    phase, stable = wanted.rollout.phase, wanted.stable
    takes_over = prior.carries_everything and prior.tried(stable)
    if prior.phase == 0 or prior.keeps_stable(stable) or (takes_over and phase == 0):
        return None
    before = prior.stable_before(stable)
    back, step = set_image(f"services.{wanted.name}.image", stable, before), 0
    if takes_over:
        why, back = "a promotion ends at phase 0; begin the next rollout after it", []
    elif prior.carries_everything and phase == 0:
        why = (
            f"a promotion takes over the canary's image, {prior.canary_image}, and no other; keep stable as it is "
            "and try this image as the canary, via phase 1, or overrule if it is known to be good"
        )
        # A ladder without rungs has no phase 1: there the image may follow at phase 0.
        if wanted.rollout.steps.last_phase:
            step, canary = 1, f"rollouts.{wanted.name}.canary"
            back += set_image(canary, wanted.canary, stable)
    elif stable == prior.canary_image:
        why = (
            f"stable takes over a canary that has {FULL_WEIGHT} % of the traffic, and this one has "
            f"{prior.weights[0]} %; keep stable as it is and climb on, or go back to phase 0 first and then "
            "change the image"
        )
    else:
        why = (
            "stable's image changes while a canary is in flight, and with it what a rollback goes back to; "
            "go back to phase 0 first, then change the image"
        )
    command = " && ".join([*back, to_phase(wanted, step)])
    return Refusal(wanted.name, 15, str(before), str(stable), why, command)


def _stands_on(ladder: Ladder, prior: Prior) -> bool:
    """Whether phases mean on a ladder what they meant in the last update."""
    return prior.phase == 0 or prior.ladder == ladder.weights


def _canary(prior: Prior) -> str:
    """The canary's image by the state, or by the outputs where the state does not tell."""
    return str((prior.deployed and prior.deployed.canary) or prior.canary_image or "no canary")


def _place(phase: int, weight: int) -> str:
    return f"phase {phase} ({weight} %)"

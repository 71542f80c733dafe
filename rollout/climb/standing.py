"""Where the services of a climb stand: what the stack's file asks for, and what the last update left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.plan.prior import Prior
    from rollout.spec.image import Image
    from rollout.spec.services import Wanted


@dataclass(frozen=True)
class Asked:
    """What the stack's file asks for of one service.

    Attributes:
        phase: Its phase.
        weight: The weight on its canary in per cent.
        stable: The image of stable.
        canary: The image of the canary.
    """

    phase: int
    weight: int
    stable: Image
    canary: Image


@dataclass(frozen=True)
class Left:
    """What the last update left of one service.

    Attributes:
        phase: Its phase.
        weight: The weight on its canary in per cent.
        routed: The weight that its routes have since, where an update failed or was ended; None: the same.
        canary: The image of the canary that it runs; None where that is not known, or there is none.
        there: Whether the state has a canary, or a route to one, also where only an update that failed made it.
    """

    phase: int = 0
    weight: int = 0
    routed: int | None = field(default=None, compare=False)
    canary: Image | None = field(default=None, compare=False)
    there: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Standing:
    """One service of a climb.

    Attributes:
        asked: What the file asks for.
        left: What the last update left.
        ladder: The weights of its phases, the first for phase 1.
        promoting: Whether its promotion is written, and not done.
        ended: Whether this climb has promoted it; an image that is written since is another climb's.
    """

    asked: Asked
    left: Left
    ladder: tuple[int, ...]
    promoting: bool = False
    ended: bool = field(default=False, compare=False)

    @property
    def phase(self) -> int:
        """Where users meet it: at the phase that the last update left."""
        return self.left.phase

    @property
    def weight(self) -> int:
        """What users meet of its canary in per cent."""
        return self.left.weight if self.left.routed is None else self.left.routed

    @property
    def leaving(self) -> bool:
        """Whether users have left a canary whose promotion was begun: nobody can judge that one any more."""
        return self.promoting and self.weight < FULL_WEIGHT

    @property
    def judged(self) -> bool:
        """Whether there is a canary to judge; one that an update brought up and failed is at no phase yet."""
        return (self.phase > 0 or self.left.there) and not self.leaving

    @property
    def last(self) -> int:
        """The last phase of its ladder."""
        return len(self.ladder)

    @property
    def promoted(self) -> bool:
        """Whether there is nothing to promote: it is off, and stable's image is the canary's."""
        off = not self.left.phase and not self.asked.phase and not self.promoting
        return self.ended or (off and self.asked.stable == self.asked.canary)

    def at(self, phase: int) -> Standing:
        """The same after an update that brought it to a phase."""
        weight = self.ladder[phase - 1] if phase else 0
        asked = Asked(phase, weight, self.asked.stable, self.asked.canary)
        return Standing(asked, Left(phase, weight), self.ladder)


def asked_of(wanted: Wanted) -> Asked:
    """What the file asks for of a service."""
    return Asked(wanted.rollout.phase, wanted.rollout.effective_weight, wanted.stable, wanted.canary)


def left_of(prior: Prior | None) -> Left:
    """What the last update left of a service; nothing of one that it did not know."""
    if prior is None:
        return Left()
    weight, routed = prior.stands_at
    runs = prior.deployed is not None and prior.deployed.canary is not None
    return Left(prior.phase, prior.weight, weight, prior.canary_image, routed or runs)


def standing_of(wanted: Wanted, prior: Prior | None) -> Standing:
    """Where a service stands.

    Args:
        wanted: The service as the stack's file has it.
        prior: What the last update left; None where it did not know the service.
    """
    asked = asked_of(wanted)
    begun = prior is not None and prior.carries_everything and asked.stable == prior.canary_image
    return Standing(asked, left_of(prior), wanted.rollout.steps.weights, begun and not asked.phase)


def moved_in_file(known: Mapping[str, Standing], found: Mapping[str, Asked]) -> dict[str, str]:
    """What somebody else changed in the file, by service, in words.

    Args:
        known: The services as the climb left them.
        found: What the file asks for now.
    """
    moved = {}
    for name, standing in known.items():
        before, now = standing.asked, found.get(name)
        if now is None:
            moved[name] = "the file does not know it any more"
        elif now.phase != before.phase:
            moved[name] = (
                f"the file asks for phase {now.phase}, and this climb left it at phase {before.phase}"
            )
        elif now.weight != before.weight:
            moved[name] = f"the file asks for {now.weight} %, and this climb left it at {before.weight} %"
        elif now.canary != before.canary:
            moved[name] = f"the file asks for the canary image {now.canary.short}"
        elif now.stable != before.stable:
            moved[name] = f"the file asks for the stable image {now.stable.short}"
    return moved


def moved_in_state(
    known: Mapping[str, Standing], found: Mapping[str, Left], *, accept: bool = True
) -> dict[str, str]:
    """What an update of somebody else has done, by service, in words.

    Args:
        known: The services as the climb left them.
        found: What the last update left.
        accept: Whether it may have done what the file asked for already.
    """
    moved = {}
    for name, standing in known.items():
        now = found.get(name, Left())
        asked = Left(standing.asked.phase, standing.asked.weight)
        if now == standing.left or (accept and now == asked):
            continue
        at = f"phase {now.phase}" if now.phase != standing.phase else f"{now.weight} %"
        was = f"phase {standing.phase}" if now.phase != standing.phase else f"{standing.left.weight} %"
        moved[name] = f"an update brought it to {at}, and this climb left it at {was}"
    return moved

"""In which order one update touches the parts of a service.

The order is data: stages that follow each other. The parts of a stage may go at the same
time; each waits until the parts of the stages before are done. A part that no stage names
waits for nothing. `components` turns stages into dependencies between resources, and the
pause into a hook.

The direction comes from what the stack's last update left, so that one program can climb
(pods first, then routes) and retreat (routes first, then pods). It goes by what the routes in the
state say, since an update that failed may have moved them and left no outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.plan.prior import Prior
    from rollout.spec.image import Image


class Part(StrEnum):
    """What an update of a service can touch."""

    STABLE = "stable"
    STABLE_AUTOSCALER = "stable autoscaler"
    CANARY = "canary"
    CANARY_AUTOSCALER = "canary autoscaler"
    ROUTES = "routes"
    PAUSE = "pause"


class Direction(StrEnum):
    """Where a service goes in this update."""

    CREATE = "create"
    STAY = "stay"
    UP = "up"
    DOWN = "down"
    PROMOTE = "promote"


@dataclass(frozen=True)
class Order:
    """The stages of one update.

    Attributes:
        direction: Why this order.
        stages: Each waits for all before it.
    """

    direction: Direction
    stages: tuple[frozenset[Part], ...]

    def before(self, part: Part) -> frozenset[Part]:
        """The parts that must be done before this one starts."""
        for position, stage in enumerate(self.stages):
            if part in stage:
                return frozenset().union(*self.stages[:position])
        return frozenset()

    @property
    def sequence(self) -> tuple[Part, ...]:
        """Every part once, each after those that it waits for."""
        staged = [part for stage in self.stages for part in sorted(stage)]
        return (*(part for part in Part if part not in staged), *staged)

    @property
    def retreats(self) -> bool:
        """Whether the service goes back, so that its routes come before all else in the update.

        The first failed step ends an update, and sick pods of other services may take all the places of
        those that run at a time: neither may keep a service on a canary that it is to leave.
        """
        return self.direction is Direction.DOWN

    @property
    def pauses_before_canary(self) -> bool:
        """Whether the canary shrinks only after proxies had time to learn the new routes."""
        return Part.PAUSE in self.before(Part.CANARY)


_CLIMB = (
    frozenset({Part.CANARY_AUTOSCALER}),
    frozenset({Part.STABLE, Part.STABLE_AUTOSCALER, Part.CANARY}),
    frozenset({Part.ROUTES}),
)
"""Rule 8: pods are ready before a route sends them anything (argo-rollouts#2507, #4775). The autoscaler
comes first, since its old ceiling would take the new pods away again."""

_RETREAT = (
    frozenset({Part.ROUTES}),
    frozenset({Part.PAUSE}),
    frozenset({Part.STABLE, Part.CANARY}),
    frozenset({Part.CANARY_AUTOSCALER, Part.STABLE_AUTOSCALER}),
)
"""Rules 8 and 11: routes wait for nothing that can be sick, neither canary nor stable; the canary
shrinks once proxies follow the new routes (argo-rollouts#587, #4128, #4839, flagger#257), and its
autoscaler, whose new ceiling would shrink it at once, follows it. Stable comes after the routes, too: a
change of it that is refused at once would end the update before they have begun."""

_PROMOTION = (
    frozenset({Part.STABLE}),
    frozenset({Part.ROUTES}),
    frozenset({Part.PAUSE}),
    frozenset({Part.CANARY}),
    frozenset({Part.CANARY_AUTOSCALER, Part.STABLE_AUTOSCALER}),
)
"""Rule 9: the new stable is ready before it gets its traffic back (flagger#1202, #1898)."""

STAGES = {
    Direction.CREATE: _CLIMB,
    Direction.STAY: _CLIMB,
    Direction.UP: _CLIMB,
    Direction.DOWN: _RETREAT,
    Direction.PROMOTE: _PROMOTION,
}


def direction(phase: int, weight: int, stable_image: Image, prior: Prior | None) -> Direction:
    """Where a service goes, from where its last update left it.

    Args:
        phase: The wanted phase.
        weight: The wanted weight in per cent.
        stable_image: The wanted image of stable.
        prior: What the last update left, and what its routes say; None before the first.

    Returns:
        `PROMOTE` where stable takes over the image of a canary that has all the traffic;
        otherwise the way the weight goes, and with equal weights the way the phase goes.
    """
    if prior is None:
        return Direction.CREATE
    if phase == 0 and prior.carries_everything and stable_image == prior.canary_image != prior.stable_image:
        return Direction.PROMOTE
    before, after = prior.stands_at, (weight, phase > 0)
    if after == before:
        return Direction.STAY
    return Direction.UP if after > before else Direction.DOWN

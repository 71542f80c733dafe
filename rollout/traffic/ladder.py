"""Ladders: the weights that a rollout climbs, and the phases that they give.

Phase 0 is off. Phase n stands on rung n of the ladder, so the default ladder
`[0, 5, 20, 50, 100]` has the phases 0 to 5: off, header, 5 %, 20 %, 50 %, 100 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

FULL_WEIGHT = 100


@dataclass(frozen=True)
class Ladder:
    """Weights in per cent, from 0 (header only) to 100, rising.

    Attributes:
        weights: One rung a phase, the first for phase 1. Empty: no canary at all, stable is
            replaced pod by pod (the strategy that Kubernetes calls rolling update).
    """

    weights: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuses a ladder that does not rise from 0 to 100.

        Raises:
            ValueError: In words for the user.
        """
        if not self.weights:
            return
        if self.weights[0] != 0 or self.weights[-1] != FULL_WEIGHT:
            raise ValueError(f"a ladder starts at 0 and ends at 100, not {list(self.weights)}")
        if any(low >= high for low, high in pairwise(self.weights)):
            raise ValueError(f"a ladder's weights rise from rung to rung, which {list(self.weights)} do not")

    @property
    def last_phase(self) -> int:
        """The highest phase; 0 where there is no canary."""
        return len(self.weights)

    @property
    def full_scale(self) -> bool:
        """Whether canary has stable's size from phase 1 on: blue-green jumps from 0 to 100."""
        return self.weights == (0, FULL_WEIGHT)

    def weight(self, phase: int) -> int:
        """The weight of a phase in per cent."""
        return self.weights[phase - 1] if phase else 0

    def bounds(self, phase: int) -> tuple[int, int]:
        """The lowest and highest weight that may override the phase's own: those of its neighbours.

        Phases 0 and 1 send no weight by their meaning, so nothing overrides them.
        """
        if phase <= 1:
            return 0, 0
        return self.weight(phase - 1), self.weight(min(phase + 1, self.last_phase))

    def name(self, phase: int) -> str:
        """`off`, `header` or the weight: `20%`."""
        return ("off", "header")[phase] if phase <= 1 else f"{self.weight(phase)}%"


LADDERS = {
    "canary": Ladder((0, 5, 20, 50, 100)),
    "blue-green": Ladder((0, FULL_WEIGHT)),
    "rolling": Ladder(()),
}
"""The ladders that a stack file may name; it may also list weights of its own."""

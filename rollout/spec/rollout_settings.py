"""How far one service's rollout is: the model of an entry below `eco2:rollouts`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from rollout.problems import suggestion
from rollout.spec.findings import wrong
from rollout.spec.image_settings import ImageSettings
from rollout.spec.model import Strict
from rollout.spec.workload import Queue
from rollout.traffic.ladder import LADDERS, Ladder


class CanarySettings(ImageSettings):
    """The canary's image and, for a worker, queues of its own while no weight is on it.

    Attributes:
        queues: Of a worker: what it reads while it has no weight, so that phase 1 can have a
            pod.
    """

    queues: Annotated[tuple[Queue, ...], Field(strict=False)] = ()


class RolloutSettings(Strict):
    """How far one service's rollout is.

    Attributes:
        phase: A rung of the ladder; 0 is off.
        weight: Overrides the phase's weight, within the weights of the neighbouring phases.
        ladder: `canary`, `blue-green`, `rolling`, or a list of weights from 0 to 100.
        canary: What the canary runs.
    """

    phase: Annotated[int, Field(ge=0)]
    weight: Annotated[int, Field(ge=0, le=100)] | None = None
    ladder: str | Annotated[tuple[int, ...], Field(strict=False)] = "canary"
    canary: CanarySettings = CanarySettings()

    @field_validator("ladder")
    @classmethod
    def _known_ladder(cls, ladder: str | tuple[int, ...]) -> str | tuple[int, ...]:
        if isinstance(ladder, str) and ladder not in LADDERS:
            raise ValueError(
                f"no ladder is called {ladder!r}; {suggestion(ladder, LADDERS)}, or list the weights"
            )
        if not isinstance(ladder, str):
            Ladder(ladder)
        return ladder

    @model_validator(mode="after")
    def _within_the_ladder(self) -> RolloutSettings:
        steps = self.steps
        if self.phase > steps.last_phase:
            last = steps.last_phase
            way = (
                "this ladder has no canary"
                if not last
                else f"the ladder {list(steps.weights)} ends at phase {last}"
            )
            raise wrong("phase", f"phase {self.phase} does not exist: {way}")
        low, high = steps.bounds(self.phase)
        if self.weight is None or low <= self.weight <= high:
            return self
        if self.phase <= 1:
            raise wrong(
                "weight", f"{self.weight}: phase {self.phase} sends no weight; raise the phase to 2 first"
            )
        if self.weight > high:
            way = f"is above phase {self.phase}'s limit of {high}; raise the phase to {self.phase + 1} first"
        else:
            way = f"is below phase {self.phase}'s limit of {low}; lower the phase to {self.phase - 1} instead"
        raise wrong("weight", f"{self.weight} {way}")

    @property
    def steps(self) -> Ladder:
        """The ladder itself."""
        return LADDERS[self.ladder] if isinstance(self.ladder, str) else Ladder(self.ladder)

    @property
    def effective_weight(self) -> int:
        """The weight on the canary in per cent."""
        return self.steps.weight(self.phase) if self.weight is None else self.weight

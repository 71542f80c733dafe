"""What a judge allows, and how sure it must be."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rollout.spec.judge_settings import JudgeSettings

FAILED: Final = "failed"
SLOW: Final = "slow"

KEPT_OVER: Final = exp(2.0)
"""How many times the bound evidence for `well` may be. At 0.1 % a failed request costs a factor of 6, so a few of them
within some seconds end it. docs/decisions.md has what larger and smaller ones do."""

LOOKS_ALONE: Final = {FAILED: 1, SLOW: 3}
"""At full weight stable does not show what slows both. A node that is busy for a moment slows every request, so one
look is no evidence; as for pods that are not ready, three are. Failures do not wait."""

PERCENT: Final = 100


@dataclass(frozen=True)
class MeasureLimits:
    """The limits of one measure.

    Attributes:
        what: What its bad requests did: `failed`, `were slow`.
        margin: By how much more of the canary's requests may be bad, as a part of 1.
        least_requests: With fewer of the canary's, it is never called well.
        false_alarm: The chance, over all looks, that both measures together have of calling a healthy canary sick, and
            that one has of calling a sick one well in a phase.
        measures: How many measures share it.
        together: How many requests may fail for one reason, such as a request and its retries.
        looks_alone: At full weight, in how many looks at least a canary must be bad to be sick.
    """

    what: str
    margin: float
    least_requests: int
    false_alarm: float
    measures: int = 1
    together: int = 1
    looks_alone: int = 1

    @property
    def sick_bound(self) -> float:
        """The evidence that calls it sick. Any measure may, so they share the chance (union bound)."""
        return self.measures / self.false_alarm

    @property
    def well_bound(self) -> float:
        """The evidence that calls it well.

        All measures must, so a false `well` needs a false one of the measure that is sick: nothing to share.
        """
        return 1 / self.false_alarm


def limits_of(settings: JudgeSettings) -> dict[str, MeasureLimits]:
    """The limits of both measures of requests, which share the chance of a false answer.

    Args:
        settings: What the service, or the stack, allows.
    """
    measures = {FAILED: ("failed", settings.margin), SLOW: ("were slow", settings.slow_margin)}
    return {
        name: MeasureLimits(
            what,
            margin / PERCENT,
            settings.least_requests,
            settings.false_alarm / PERCENT,
            len(measures),
            settings.together,
            LOOKS_ALONE[name],
        )
        for name, (what, margin) in measures.items()
    }

"""A canary at full weight: stable answers nothing now, so what it did earlier stands in for it.

That is weaker than both at the same time: a fault that stable would have too counts against the canary. At full weight
nobody can tell the two apart, and to go back costs less than to stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log
from typing import TYPE_CHECKING, Final

from rollout.judge.bets import BISECTIONS, Claim, Evidence
from rollout.judge.comparison import progress
from rollout.judge.limits import KEPT_OVER, PERCENT
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import Gap

if TYPE_CHECKING:
    from rollout.judge.comparison import Answer
    from rollout.judge.limits import MeasureLimits

PARTS: Final = 2
"""The chance of a false answer is spent in equal parts on what stable's chance was and on what the canary's is."""


@dataclass(frozen=True)
class AgainstEarlier:
    """The evidence of one measure at full weight. Values: `after` gives the next one.

    Attributes:
        limits: What is allowed, and how sure an answer must be.
        earlier: What stable did before, or why that is not known.
        sick: Evidence that the canary is worse by more than the margin.
        well: Evidence that it is not.
        canary: All that was counted of it at full weight.
        lately: How many of these requests came since the evidence for `well` began, as it does anew after a gap.
        called_sick: Whether the evidence has ever reached its bound.
        unknown: Why the last look told nothing; empty if it did.
    """

    limits: MeasureLimits
    earlier: Counts | Unknown
    sick: Evidence
    well: Evidence
    canary: Counts = Counts(0, 0)  # noqa: RUF009  # frozen
    lately: float = 0.0
    called_sick: bool = False
    unknown: str = ""

    @classmethod
    def begin(
        cls, limits: MeasureLimits, earlier: Counts | Unknown, *, called_sick: bool = False
    ) -> AgainstEarlier:
        """Before anything was counted at full weight."""
        if isinstance(earlier, Counts) and earlier.requests < limits.least_requests:
            earlier = Unknown(f"stable has answered no more than {earlier.requests:,.0f} requests before")
        return cls(
            limits,
            earlier,
            Evidence(Claim.SICK, limits.margin, limits.together),
            Evidence(Claim.WELL, limits.margin, limits.together, KEPT_OVER * PARTS * limits.well_bound),
            called_sick=called_sick,
        )

    def after(self, batch: Batch | Unknown) -> AgainstEarlier:
        """With what was counted since, or why it could not be."""
        if isinstance(batch, Gap):
            return replace(self, well=self.well.anew, lately=0.0, unknown=batch.why)
        if isinstance(batch, Unknown):
            return replace(self, unknown=batch.why)
        counted = replace(
            self,
            canary=self.canary + batch.canary,
            lately=self.lately + batch.canary.requests,
            unknown="",
        )
        if isinstance(self.earlier, Unknown):
            return counted
        usual, spent = self.earlier.share, self.limits.false_alarm / PARTS
        most = self.limits.margin + bounds(self.earlier, spent / self.limits.measures)[1]
        least = self.limits.margin + bounds(self.earlier, spent)[0]
        sick = self.sick.after_alone(batch.canary, usual, most)
        return replace(
            counted,
            sick=sick,
            well=self.well.after_alone(batch.canary, usual, least),
            called_sick=self.called_sick or sick.value >= PARTS * self.limits.sick_bound,
        )

    @property
    def seen(self) -> Batch:
        """What was counted at full weight."""
        return Batch(self.canary, Counts(0, 0))

    @property
    def toward(self) -> tuple[float, float]:
        """How far the evidence is on its way to `sick` and to `well`, 0 to 1."""
        return (
            1.0 if self.called_sick else progress(self.sick.value, PARTS * self.limits.sick_bound),
            progress(self.well.value, PARTS * self.limits.well_bound),
        )

    @property
    def answer(self) -> Answer:
        """What is known by now."""
        if self.called_sick:
            return "sick"
        if self.unknown or self.lately < self.limits.least_requests:
            return "not known"
        return "well" if self.well.value >= PARTS * self.limits.well_bound else "not known"

    @property
    def words(self) -> str:
        """The figures, for a person."""
        canary, what = self.canary, self.limits.what
        told = "the canary has answered no request"
        if canary.requests:
            told = f"{PERCENT * canary.share:.1f} % of {canary.requests:,.0f} requests {what}"
        if isinstance(self.earlier, Unknown):
            told += f"; stable answers nothing at full weight, and what it did before is not known: {self.earlier.why}"
        else:
            told += f", {PERCENT * self.earlier.share:.1f} % of stable's {self.earlier.requests:,.0f} before"
            margin = f"{self.limits.margin * PERCENT:g} points"
            told += {"sick": f": worse by more than {margin}", "well": f": not worse by {margin}"}.get(
                self.answer, ""
            )
        return f"{told}; {self.unknown}" if self.unknown else told


def bounds(counted: Counts, chance: float) -> tuple[float, float]:
    """Between what a chance was, by what was counted; each end is wrong with at most the given chance.

    By Chernoff's inequality: a share as far off as k of n has a chance of at most exp(-n·KL(k/n, p)).

    Args:
        counted: At least one request.
        chance: That of each end.
    """
    share, enough = counted.share, -log(chance) / counted.requests
    found = []
    for end in (0.0, 1.0):
        near, far = share, end
        for _ in range(BISECTIONS):
            middle = (near + far) / 2
            if _divergence(share, middle) < enough:
                near = middle
            else:
                far = middle
        found.append(far)
    return found[0], found[1]


def _divergence(share: float, chance: float) -> float:
    """KL(share, chance) of two Bernoulli distributions."""
    total = 0.0
    for part, other in ((share, chance), (1 - share, 1 - chance)):
        if part > 0:
            total += part * log(part / other) if other > 0 else inf
    return total

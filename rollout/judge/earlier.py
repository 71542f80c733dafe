"""A canary at full weight: stable answers nothing now, so what it did earlier stands in for it.

That is weaker than both at the same time: a fault that stable would have too counts against the canary. At full weight
nobody can tell the two apart, and to go back costs less than to stay.

Where that is not known either, a canary that fails far more than any stable may is sick all the same: by the same bets,
against a bound that nobody measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log
from typing import TYPE_CHECKING, Final

from rollout.judge.bets import AT_ONCE, BISECTIONS, MOST_LOG, Claim, Evidence
from rollout.judge.comparison import progress
from rollout.judge.limits import KEPT_OVER, PERCENT
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import Gap

if TYPE_CHECKING:
    from rollout.judge.comparison import Answer
    from rollout.judge.limits import MeasureLimits

PARTS: Final = 2
"""The chance of a false answer is spent in equal parts on what stable's chance was and on what the canary's is."""


WITHOUT_PAST: Final = 0.1
MARGINS_WITHOUT_PAST: Final = 10
HIGHEST_WITHOUT_PAST: Final = 0.9
"""The share of bad requests above which a canary is sick whatever stable did: 10 %, or ten margins where that is
more."""


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
        return cls(
            limits,
            _enough(limits, earlier),
            Evidence(Claim.SICK, limits.margin, limits.together),
            Evidence(Claim.WELL, limits.margin, limits.together, KEPT_OVER * PARTS * limits.well_bound),
            called_sick=called_sick,
        )

    def knowing(self, earlier: Counts | Unknown) -> AgainstEarlier:
        """With what stable did before, where that was not known so far; what was counted of the canary stays.

        Args:
            earlier: What stable did, or why that is not known yet.
        """
        if not isinstance(self.earlier, Unknown):
            return self
        known = replace(self, earlier=_enough(self.limits, earlier))
        if known.most > self.most:
            # Stable fails more than the bound, so what was held against the bound says nothing any more.
            return replace(known, sick=self.sick.anew)
        return known

    def at_next_phase(self) -> AgainstEarlier:
        """For another phase at full weight: that it was well says nothing, and what spoke against it still does."""
        if self.called_sick:
            return self
        return replace(AgainstEarlier.begin(self.limits, self.earlier), sick=self.sick)

    @property
    def most(self) -> float:
        """The share of bad requests from which on the canary is sick."""
        if isinstance(self.earlier, Unknown):
            margins = MARGINS_WITHOUT_PAST * self.limits.margin
            return min(max(margins, WITHOUT_PAST), HIGHEST_WITHOUT_PAST)
        spent = self.limits.false_alarm / PARTS
        return self.limits.margin + bounds(self.earlier, spent / self.limits.measures)[1]

    def after(self, batch: Batch | Unknown) -> AgainstEarlier:
        """With what was counted since, or why it could not be."""
        if isinstance(batch, Gap):
            return replace(self, well=self.well.without_credit, lately=0.0, unknown=batch.why)
        if isinstance(batch, Unknown):
            return replace(self, unknown=batch.why)
        counted = replace(
            self,
            canary=self.canary + batch.canary,
            lately=self.lately + batch.canary.requests,
            unknown="",
        )
        if isinstance(self.earlier, Unknown):
            usual, well = self.most - self.limits.margin, self.well
        else:
            usual = self.earlier.share
            least = self.limits.margin + bounds(self.earlier, self.limits.false_alarm / PARTS)[0]
            well = self.well.after_alone(batch.canary, usual, least)
        sick = self.sick.after_alone(batch.canary, usual, self.most, self._most_log)
        called_sick = self.called_sick or sick.value >= PARTS * self.limits.sick_bound
        return replace(counted, sick=sick, well=well, called_sick=called_sick)

    @property
    def _most_log(self) -> float:
        """What one look may pay, as a logarithm: with all that is staked at once, the bound takes `looks_alone`."""
        if self.limits.looks_alone == 1:
            return MOST_LOG
        return log(PARTS * self.limits.sick_bound / AT_ONCE) / self.limits.looks_alone

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
        if self.unknown and not canary.requests and not self.called_sick:
            return self.unknown  # whether it has answered any, nobody counted
        told = "the canary has answered no request"
        if canary.requests:
            told = f"{PERCENT * canary.share:.1f} % of {canary.requests:,.0f} requests {what}"
        if isinstance(self.earlier, Unknown):
            if self.answer == "sick":
                told += f": more than {PERCENT * self.most:g} %, which is too much whatever stable did"
            told += f"; stable answers nothing at full weight, and what it did before is not known: {self.earlier.why}"
        else:
            told += f", {PERCENT * self.earlier.share:.1f} % of stable's {self.earlier.requests:,.0f} before"
            margin = f"{self.limits.margin * PERCENT:g} points"
            told += {"sick": f": worse by more than {margin}", "well": f": not worse by {margin}"}.get(
                self.answer, ""
            )
        return f"{told}; {self.unknown}" if self.unknown else told


def _enough(limits: MeasureLimits, earlier: Counts | Unknown) -> Counts | Unknown:
    if isinstance(earlier, Counts) and earlier.requests < limits.least_requests:
        return Unknown(f"stable has answered no more than {earlier.requests:,.0f} requests before")
    return earlier


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

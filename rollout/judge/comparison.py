"""One measure of a canary beside stable: sick, well, or not known yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, sqrt
from typing import TYPE_CHECKING, Final, Literal

from rollout.judge.bets import Claim, Evidence
from rollout.judge.limits import KEPT_OVER, PERCENT
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import Gap

if TYPE_CHECKING:
    from rollout.judge.limits import MeasureLimits

Answer = Literal["sick", "well", "not known"]

NOTHING: Final = Batch(Counts(0, 0), Counts(0, 0))

PRIOR: Final = Counts(1000, 1)
"""What is expected of stable before anything was counted: one bad request in 1,000."""

SURPRISING: Final = 4.0
"""Standard deviations from which on stable is taken to have changed: what is expected of it begins anew."""

KEPT: Final = 0.99
"""Of what is remembered of stable, with each batch: a slow drift is followed."""


@dataclass(frozen=True)
class Comparison:
    """The evidence of one measure so far. Values: `after` gives the next one.

    Attributes:
        limits: What is allowed, and how sure an answer must be.
        sick: Evidence that the canary is worse than stable by more than the margin.
        well: Evidence that it is not.
        seen: All that was counted of both.
        lately: What was counted since the evidence for `well` began, as it does anew after a gap.
        remembered: What stable is expected to do next; of earlier batches alone, as the bets ask.
        called_sick: Whether the evidence has ever reached its bound. It stays: the bound is of all looks.
        unknown: Why the last look told nothing; empty if it did.
    """

    limits: MeasureLimits
    sick: Evidence
    well: Evidence
    seen: Batch = NOTHING
    lately: Batch = NOTHING
    remembered: Counts = PRIOR
    called_sick: bool = False
    unknown: str = ""

    @classmethod
    def begin(cls, limits: MeasureLimits) -> Comparison:
        """Before anything was counted."""
        return cls(
            limits,
            Evidence(Claim.SICK, limits.margin, limits.together),
            Evidence(Claim.WELL, limits.margin, limits.together, KEPT_OVER * limits.well_bound),
        )

    def after(self, batch: Batch | Unknown) -> Comparison:
        """With what was counted since, or why it could not be."""
        if isinstance(batch, Gap):
            return replace(self, well=self.well.without_credit, lately=NOTHING, unknown=batch.why)
        if isinstance(batch, Unknown):
            return replace(self, unknown=batch.why)
        usual = self.remembered.share
        sick = self.sick.after(batch, usual)
        return replace(
            self,
            sick=sick,
            well=self.well.after(batch, usual),
            seen=self.seen + batch,
            lately=self.lately + batch,
            remembered=_learnt(self.remembered, batch.stable),
            called_sick=self.called_sick or sick.value >= self.limits.sick_bound,
            unknown="",
        )

    def at_next_phase(self) -> Comparison:
        """For another weight: that it was well with less says nothing, and what spoke against it still does."""
        if self.called_sick:
            return self
        return replace(Comparison.begin(self.limits), sick=self.sick, remembered=self.remembered)

    @property
    def toward(self) -> tuple[float, float]:
        """How far the evidence is on its way to `sick` and to `well`, 0 to 1."""
        return (
            1.0 if self.called_sick else progress(self.sick.value, self.limits.sick_bound),
            progress(self.well.value, self.limits.well_bound),
        )

    @property
    def answer(self) -> Answer:
        """What is known by now; an unknown look takes back no `sick`, and allows no `well`."""
        if self.called_sick:
            return "sick"
        if self.unknown or self.lately.canary.requests < self.limits.least_requests:
            return "not known"
        return "well" if self.well.value >= self.limits.well_bound else "not known"

    @property
    def words(self) -> str:
        """The figures, for a person."""
        canary, stable = self.seen.canary, self.seen.stable
        if self.unknown and not canary.requests and not self.called_sick:
            return self.unknown  # whether it has answered any, nobody counted
        if not canary.requests:
            told = "the canary has answered no request"
        elif not stable.requests:
            told = "stable has answered no request to compare with"
        else:
            what, margin = self.limits.what, self.limits.margin * PERCENT
            told = (
                f"{PERCENT * canary.share:.1f} % of {canary.requests:,.0f} requests {what}, "
                f"{PERCENT * stable.share:.1f} % of stable's {stable.requests:,.0f}"
            )
            told += {
                "sick": f": worse by more than {margin:g} points",
                "well": f": not worse by {margin:g} points",
                "not known": "",
            }[self.answer]
        lately = self.lately.canary.requests
        if self.answer == "not known" and canary.requests and lately < self.limits.least_requests:
            told += f"; not enough requests: {lately:,.0f} of {self.limits.least_requests:,}"
        return f"{told}; {self.unknown}" if self.unknown else told


def progress(value: float, bound: float) -> float:
    """How far evidence is on its way to a bound, 0 to 1; logarithms, since evidence multiplies."""
    return min(max(log(value) / log(bound), 0.0), 1.0) if value > 0 else 0.0


def _learnt(before: Counts, stable: Counts) -> Counts:
    """What is expected of stable, with one more batch of it."""
    expected = stable.requests * before.share
    if abs(stable.bad - expected) > SURPRISING * sqrt(expected * (1 - before.share)) + SURPRISING:
        return PRIOR + stable
    return Counts(before.requests * KEPT + stable.requests, before.bad * KEPT + stable.bad)

"""What all measures and signs say of a canary together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.judge.comparison import Answer, Comparison
    from rollout.judge.signs import Sign


@dataclass(frozen=True)
class Weighed:
    """What one measure or sign says, with its evidence.

    Attributes:
        name: Which one.
        answer: Sick, well, or not known.
        words: The figures, for a person.
        sick: How much of the evidence for `sick` is there, 0 to 1 on the scale of logarithms; None: a sign has none.
        well: The same for `well`.
    """

    name: str
    answer: Answer
    words: str
    sick: float | None = None
    well: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The answer for one canary.

    Attributes:
        service: Its service.
        answer: One that is sick is enough; well needs all.
        parts: What each measure and sign says.
    """

    service: str
    answer: Answer
    parts: tuple[Weighed, ...]

    @property
    def words(self) -> str:
        """What led to the answer, for a person."""
        return (
            "; ".join(one.words for one in self.parts if one.answer == self.answer) or "nothing was measured"
        )

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**asdict(self), "words": self.words}


def verdict(service: str, measures: Mapping[str, Comparison], signs: Mapping[str, Sign]) -> Verdict:
    """Puts them together.

    Without a measure of requests nothing is ever well: that pods run does not say what they answer.

    Args:
        service: The canary's service.
        measures: What was counted, by name; each with its part of the chance of a false answer.
        signs: What needs no counting, by name.
    """
    parts = [
        Weighed(
            name,
            one.answer,
            one.words,
            1.0 if one.called_sick else progress(one.sick.value, one.limits.sick_bound),
            progress(one.well.value, one.limits.well_bound),
        )
        for name, one in measures.items()
    ]
    parts += [Weighed(name, sign.answer, sign.words) for name, sign in signs.items()]
    answers = {one.answer for one in parts}
    answer: Answer = "not known"
    if "sick" in answers:
        answer = "sick"
    elif answers == {"well"} and measures:
        answer = "well"
    return Verdict(service, answer, tuple(parts))


def progress(value: float, bound: float) -> float:
    """How far evidence is on its way to a bound, 0 to 1; logarithms, since evidence multiplies."""
    return min(max(log(value) / log(bound), 0.0), 1.0) if value > 0 else 0.0

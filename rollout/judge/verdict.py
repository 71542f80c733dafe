"""What all measures and signs say of a canary together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.judge.comparison import Answer
    from rollout.judge.signs import Sign

PODS: Final = "pods"
FALLBACK: Final = "fallback"
SIGHT: Final = "sight"
"""The names of the signs that a canary's pods, its routes and an outage of what counts (or of a part of it) give; those
of own checks begin with `check`."""


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
        """What led to the answer, for a person; what several measures say stands there once."""
        reasons = dict.fromkeys(one.words for one in self.parts if one.answer == self.answer)
        return "; ".join(reasons) or "nothing was measured"

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**asdict(self), "words": self.words}


class Measure(Protocol):
    """The evidence of one measure of requests."""

    @property
    def answer(self) -> Answer:
        """What is known by now."""

    @property
    def words(self) -> str:
        """The figures, for a person."""

    @property
    def toward(self) -> tuple[float, float]:
        """How far the evidence is on its way to `sick` and to `well`, 0 to 1."""


def verdict(
    service: str, measures: Mapping[str, Measure], signs: Mapping[str, Sign], *, users: bool = True
) -> Verdict:
    """Puts them together.

    Without a measure of requests or a check of its own nothing that users meet is ever well: that pods run does not
    say what they do.

    Args:
        service: The canary's service.
        measures: What was counted, by name; each with its part of the chance of a false answer.
        signs: What needs no counting, by name.
        users: Whether users meet the canary. Where none do, its pods are enough to go up, and what is not known of
            requests holds nothing up, unless nobody could count them, or counted stable's.
    """
    parts = [Weighed(name, one.answer, one.words, *one.toward) for name, one in measures.items()]
    parts += [Weighed(name, sign.answer, sign.words) for name, sign in signs.items()]
    answers = {one.answer for one in parts}
    counted = bool(measures) or bool(signs.keys() - {PODS, FALLBACK})
    answer: Answer = "not known"
    if "sick" in answers:
        answer = "sick"
    elif (answers == {"well"} and counted) if users else _fit_for_users(signs):
        answer = "well"
    return Verdict(service, answer, tuple(parts))


def _fit_for_users(signs: Mapping[str, Sign]) -> bool:
    return PODS in signs and signs[PODS].answer == "well" and SIGHT not in signs

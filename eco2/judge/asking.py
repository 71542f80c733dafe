"""Several questions to a Prometheus at the same time; what it does not answer is unknown, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from eco2.background import each
from eco2.prometheus import AT_ONCE, Prometheus, PrometheusError
from rollout.judge.observations import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    Values = list[tuple[dict[str, str], float]]
    Samples = list[tuple[dict[str, str], list[tuple[float, float]]]]

LAG_SECONDS: Final = 15.0
"""By how much the time of an answer may differ from the time at which it is given."""

Key = TypeVar("Key", bound="Hashable")
T = TypeVar("T")


class Asker:
    """A Prometheus that may be away."""

    def __init__(self, url: str) -> None:
        """Prepares; nothing is asked yet.

        Raises:
            PrometheusError: If this is no URL.
        """
        self._prometheus = Prometheus(url)

    def now(self) -> float | Unknown:
        """The time by its clock, in seconds; that of the scrapes, too."""
        try:
            at, answered = self._prometheus.clock()
        except PrometheusError as error:
            return Unknown(str(error))
        if abs(answered - at) > LAG_SECONDS:
            # By its own account all would look new.
            return Unknown(f"Prometheus answers with what it knew {answered - at:.0f} s ago")
        return at

    def values(self, asked: Mapping[Key, str]) -> dict[Key, Values | Unknown]:
        """The values of some expressions now."""
        return _answers(self._prometheus.query, asked)

    def whole(self, asked: Mapping[Key, str]) -> dict[Key, Values | Unknown]:
        """The same with NaN; what may be a part of the answer is unknown."""
        return _answers(self._prometheus.whole, asked)

    def samples(self, asked: Mapping[Key, str]) -> dict[Key, Samples | Unknown]:
        """What was scraped, by some expressions with a range."""
        return _answers(self._prometheus.samples, asked)


def _answers(ask: Callable[[str], T], asked: Mapping[Key, str]) -> dict[Key, T | Unknown]:
    def answer(expression: str) -> T | Unknown:
        try:
            return ask(expression)
        except PrometheusError as error:
            return Unknown(str(error))

    if not asked:
        return {}
    return dict(zip(asked, each(answer, list(asked.values()), AT_ONCE), strict=True))

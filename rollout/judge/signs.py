"""Signs that need no counting: a canary that has fallen back, its pods, and a service's own checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Literal

from rollout.judge.observations import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.judge.comparison import Answer

LOOKS_IN_A_ROW = 3
"""Fewer pods ready in this many looks are no hiccup."""


NOT_TESTED = "whether it answers its share is not tested: users or pods decide that, and not its weight alone"
"""It holds nothing up: no other look would tell more."""


@dataclass(frozen=True)
class Sign:
    """What one sign says.

    Attributes:
        answer: Sick, well, or not known.
        words: The figures, for a person.
    """

    answer: Answer
    words: str


@dataclass(frozen=True)
class PodLook:
    """A canary's pods at one moment.

    Attributes:
        ready: Those that are ready.
        wanted: Those that are to be there by now; new ones have had time to start.
        restarts: Restarts by pod since the judge began.
        gone: Why nothing asks for pods any more, though it should; empty if something does.
        starting: New ones that have not had time to start.
        stable_restarts: Restarts of stable's pods in the same time.
        stable_lacks: Whether fewer of stable's are ready than are to be there by now.
    """

    ready: int
    wanted: int
    restarts: Mapping[str, int]
    gone: str = ""
    starting: int = 0
    stable_restarts: Mapping[str, int] = field(default_factory=dict)
    stable_lacks: bool = False

    @property
    def lacks(self) -> bool:
        """Whether fewer are ready than are to be there by now."""
        return bool(self.gone) or self.ready < self.wanted

    @property
    def shares_restarts(self) -> bool:
        """Whether stable's pods restart about as often: at least half as often a pod."""
        theirs = sum(self.stable_restarts.values()) * len(self.restarts)
        return 2 * theirs >= sum(self.restarts.values()) * len(self.stable_restarts) > 0

    @property
    def words(self) -> str:
        """How many there are, for a person."""
        return self.gone or f"{self.ready} of {self.wanted + self.starting} pods ready"


def fallback_sign(fallen_back: str | Unknown | None) -> Sign:
    """Whether stable answers the canary's share.

    Args:
        fallen_back: `rollout.guards.fallen_back.fallen_back`: how one sees it, empty where it has not;
            None where its share does not tell.
    """
    if fallen_back is None:
        return Sign("well", NOT_TESTED)
    if isinstance(fallen_back, Unknown):
        return Sign("not known", fallen_back.why)
    # Who was left out answers no more: whatever its counters say, they say it of the time before.
    return Sign("sick", fallen_back) if fallen_back else Sign("well", "it answers its share")


def pods_sign(looks: tuple[PodLook | Unknown, ...]) -> Sign:
    """What a canary's pods say.

    Args:
        looks: The last ones, oldest first.
    """
    known = [look for look in looks if not isinstance(look, Unknown)]
    if known and (restarted := {pod: count for pod, count in known[-1].restarts.items() if count > 0}):
        told = ", ".join(f"{pod} restarted {count} x" for pod, count in sorted(restarted.items()))
        if known[-1].shares_restarts:
            return Sign("not known", f"{told}; stable's pods restart as often")
        return Sign("sick", told)
    last = looks[-1] if looks else Unknown("nobody has looked at its pods")
    if isinstance(last, Unknown):
        return Sign("not known", last.why)
    if last.lacks:
        return _lacking_sign(last, looks[-LOOKS_IN_A_ROW:])
    if not last.wanted + last.starting:
        return Sign("not known", "it has no pods in this phase")
    return Sign("not known", last.words) if last.starting else Sign("well", f"{last.words}, no restarts")


def _lacking_sign(last: PodLook, latest: tuple[PodLook | Unknown, ...]) -> Sign:
    """What it says that fewer pods are ready than are to be there by now."""
    known = [look for look in latest if not isinstance(look, Unknown)]
    if not last.gone and any(look.stable_lacks for look in known):
        return Sign("not known", f"{last.words}; stable lacks some, too")
    in_a_row = len(known) == LOOKS_IN_A_ROW and all(look.lacks for look in known)
    return Sign("sick" if in_a_row else "not known", last.words)


@dataclass(frozen=True)
class OwnCheck:
    """A figure of the service's own, such as orders a minute.

    Attributes:
        name: What it is called.
        limit: What it may be.
        bad: Which side of the limit is bad.
    """

    name: str
    limit: float
    bad: Literal["above", "below"]

    def sign(self, canary: float | Unknown, stable: float | Unknown) -> Sign:
        """What it says. A limit that stable breaks too says nothing of the canary.

        No chance of a false answer belongs to it: a limit is no comparison. Whoever asks often smooths the figure.

        Args:
            canary: The canary's figure.
            stable: Stable's at the same time.
        """
        ours, theirs = _figure(canary), _figure(stable)
        if isinstance(ours, Unknown):
            return Sign("not known", f"{self.name}: {ours.why}")
        told = f"{self.name} {ours:g}, the limit is {self.limit:g}"
        if not self._breaks(ours):
            return Sign("well", told)
        if isinstance(theirs, Unknown):
            return Sign("not known", f"{told}; stable's is not known: {theirs.why}")
        told = f"{told}; stable's is {theirs:g}"
        return (
            Sign("not known", f"{told}, which breaks it too") if self._breaks(theirs) else Sign("sick", told)
        )

    def _breaks(self, value: float) -> bool:
        return value > self.limit if self.bad == "above" else value < self.limit


def _figure(value: float | Unknown) -> float | Unknown:
    """A figure that can be compared, or why there is none."""
    return value if isinstance(value, Unknown) or isfinite(value) else Unknown("no number")

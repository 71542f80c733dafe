"""All that is known of one canary: its measures, its pods, its routes, its own checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rollout.judge.comparison import Comparison
from rollout.judge.earlier import AgainstEarlier
from rollout.judge.limits import FAILED, SLOW, limits_of
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import NotYet
from rollout.judge.signs import LOOKS_IN_A_ROW, OwnCheck, Sign, fallback_sign, pods_sign
from rollout.judge.verdict import FALLBACK, PODS, SIGHT, verdict
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.judge.signs import PodLook
    from rollout.judge.verdict import Verdict
    from rollout.spec.judge_settings import JudgeSettings

UNCOUNTED = "stable has answered no request that Prometheus counted in this phase"
BY_HAND = "a person moves it on with `eco2 advance`"
"""A service that nobody calls stays at its first phase by these words."""

RECENT_SECONDS = 300.0
"""Who was well, and has answered nothing for so long, may be anything by now."""

NOT_COUNTED = Unknown("nobody has counted it")
NOT_LOOKED = Unknown("nobody has looked yet")


@dataclass(frozen=True)
class Reading:
    """One look at one canary.

    Attributes:
        at: When, in seconds since 1970.
        failed: Requests of both versions since the look before, and those of them that failed.
        slow: The same with those that were slow.
        pods: Its pods.
        fallen_back: How one sees that stable answers its share; empty where it does not, None where that
            is not tested.
        checks: Its own checks by name: the canary's figure and stable's.
        unseen: What is not seen of the requests though some of them are; empty if nothing.
        latency_ms: How long the quantile of the settings took, by `stable` and `canary`; for people alone.
    """

    at: float
    failed: Batch | Unknown
    slow: Batch | Unknown
    pods: PodLook | Unknown
    fallen_back: str | Unknown | None = ""
    checks: Mapping[str, tuple[float | Unknown, float | Unknown]] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    unseen: str = ""


@dataclass(frozen=True)
class Earlier:
    """What stable did before its canary had full weight, where the judge has not seen it itself.

    Attributes:
        failed: Its requests and those that failed.
        slow: Its requests and those that were slow, by the line that the readings have.
    """

    failed: Counts | Unknown
    slow: Counts | Unknown


@dataclass(frozen=True)
class Judging:
    """What is known of one canary. Values: `after` gives the next one.

    Attributes:
        service: Its service.
        settings: The limits.
        weight: Its weight, in per cent.
        by_requests: Whether requests come to it; false for a worker.
        measures: What was counted, by name.
        last: The last reading; None before the first.
        pods: The last looks at its pods, oldest first.
        answered_at: When it was last seen to have answered requests; None if never in this phase.
    """

    service: str
    settings: JudgeSettings
    weight: int
    by_requests: bool
    measures: Mapping[str, Comparison | AgainstEarlier]
    last: Reading | None = None
    pods: tuple[PodLook | Unknown, ...] = ()
    answered_at: float | None = None

    @classmethod
    def begin(
        cls,
        service: str,
        settings: JudgeSettings,
        weight: int,
        *,
        by_requests: bool,
        earlier: Earlier | None = None,
    ) -> Judging:
        """Before the first look.

        Args:
            service: The canary's service.
            settings: The limits.
            weight: Its weight, in per cent.
            by_requests: Whether requests come to it; false for a worker.
            earlier: What stable did before; used at full weight alone.
        """
        measures: dict[str, Comparison | AgainstEarlier] = {}
        for name, limits in limits_of(settings).items() if by_requests else ():
            if weight == FULL_WEIGHT:
                measures[name] = AgainstEarlier.begin(limits, NOT_COUNTED)
            else:
                measures[name] = Comparison.begin(limits)
        begun = cls(service, settings, weight, by_requests, measures)
        return begun.knowing(earlier) if earlier else begun

    def knowing(self, earlier: Earlier) -> Judging:
        """With what stable did before its canary had full weight, where that was not known; all else stays.

        Args:
            earlier: What stable did.
        """
        past = {FAILED: earlier.failed, SLOW: earlier.slow}
        measures = {
            name: one.knowing(past[name]) if isinstance(one, AgainstEarlier) else one
            for name, one in self.measures.items()
        }
        return replace(self, measures=measures)

    @property
    def lacks_past(self) -> bool:
        """Whether it is not known what stable did before, though the canary is held against that."""
        pasts = [one.earlier for one in self.measures.values() if isinstance(one, AgainstEarlier)]
        return any(isinstance(past, Unknown) for past in pasts)

    def after(self, reading: Reading) -> Judging:
        """With one more look."""
        batches = {FAILED: reading.failed, SLOW: reading.slow}
        measures = {name: one.after(batches[name]) for name, one in self.measures.items()}
        pods = (*self.pods, reading.pods)[-LOOKS_IN_A_ROW:]
        answers = isinstance(reading.failed, Batch) and reading.failed.canary.requests
        answered_at = reading.at if answers else self.answered_at
        return replace(self, measures=measures, last=reading, pods=pods, answered_at=answered_at)

    def at_weight(self, weight: int) -> Judging:
        """At another phase: that it was well with less says nothing, and what spoke against it still does."""
        measures = {name: _at_weight(one, weight) for name, one in self.measures.items()}
        return replace(self, weight=weight, measures=measures, last=None, pods=(), answered_at=None)

    @property
    def seen(self) -> Batch:
        """Requests of both versions since the phase began, and those that failed."""
        if FAILED in self.measures:
            return self.measures[FAILED].seen
        return Batch(Counts(0, 0), Counts(0, 0))

    @property
    def verdict(self) -> Verdict:
        """What all of it says."""
        return verdict(
            self.service, self.measures, self._signs(), users=not self.by_requests or self.weight > 0
        )

    def _signs(self) -> dict[str, Sign]:
        signs = {PODS: pods_sign(self.pods)}
        if self.by_requests and self.weight:
            signs[FALLBACK] = fallback_sign(self.last.fallen_back if self.last else NOT_LOOKED)
        figures = self.last.checks if self.last else {}
        for name, check in self.settings.checks.items():
            ours, theirs = figures.get(name, (NOT_LOOKED, NOT_LOOKED))
            signs[f"check {name}"] = OwnCheck(name, check.limit, check.bad).sign(ours, theirs)
        if not self.by_requests and not self.settings.checks:
            told = "no requests come to a worker, and it has no check of its own: add one under judge.checks"
            signs["check"] = Sign("not known", told)
        if self.by_requests and (why := self._blind()):
            signs[SIGHT] = Sign("not known", why)
        return signs

    def _blind(self) -> str:
        """Why what users meet is not seen well enough to move up; empty if it is."""
        if self.last and self.last.unseen:
            return self.last.unseen
        if not self.weight:
            # Who cannot see what users will meet must not let them in.
            return self._outage() or self._unproven()
        silent = self.last.at - self.answered_at if self.last and self.answered_at is not None else 0.0
        return f"the canary has answered no request for {silent:.0f} s" if silent > RECENT_SECONDS else ""

    def _outage(self) -> str:
        """Why requests could not be counted at the last look, though something is amiss; empty if nothing is."""
        looked = (self.last.failed, self.last.slow) if self.last else ()
        return next(
            (one.why for one in looked if isinstance(one, Unknown) and not isinstance(one, NotYet)), ""
        )

    def _unproven(self) -> str:
        """Why it is not shown that requests of users would be counted; empty if stable's are."""
        for name, one in self.measures.items():
            if isinstance(one, Comparison) and not one.lately.stable.requests:
                if name == FAILED:
                    return f"{UNCOUNTED}; is it the right one? {BY_HAND}"
                why = f": {one.unknown}" if one.unknown else ""
                return f"how long stable's requests take was not counted in this phase{why}; {BY_HAND}"
        return ""


def _at_weight(before: Comparison | AgainstEarlier, weight: int) -> Comparison | AgainstEarlier:
    if weight < FULL_WEIGHT:
        if isinstance(before, Comparison):
            return before.at_next_phase()
        return replace(Comparison.begin(before.limits), called_sick=before.called_sick)
    if isinstance(before, AgainstEarlier):
        return before.at_next_phase()
    return AgainstEarlier.begin(before.limits, before.seen.stable, called_sick=before.called_sick)

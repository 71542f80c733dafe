"""What a climb does next.

All services of a climb go up in the same update, each to its own next phase, and go back together. One whose ladder is
shorter arrives earlier: it waits there, and is judged on. Whoever is at a phase must be well before anybody goes up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rollout.climb.refusals import refusal
from rollout.climb.words import duration, unjudged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.climb.standing import Standing
    from rollout.judge.verdict import Verdict


@dataclass(frozen=True)
class Goal:
    """Where a climb is to get to, and how patient it is.

    Attributes:
        to: The phase; None for the last one of each ladder.
        promote: Whether stable takes over the canary's image in the end.
        soak_seconds: How long each phase takes at the least.
        give_up_seconds: How long each phase takes at the most.
        moves: Whether anything moves; a judge alone only says what it sees.
        retry: Whether an image climbs that an earlier climb took back as sick.
    """

    to: int | None = None
    promote: bool = False
    soak_seconds: float = 600
    give_up_seconds: float = 7200
    moves: bool = True
    retry: bool = False

    def top(self, standing: Standing) -> int:
        """The phase at which a service arrives."""
        if not self.moves:
            return standing.phase
        return standing.last if self.to is None else min(self.to, standing.last)


@dataclass(frozen=True)
class Raise:
    """One update brings services to higher phases.

    Attributes:
        phases: The phase of each service that moves.
        begun: Whether the file asks for them already, since an earlier climb was ended before its update.
    """

    phases: Mapping[str, int]
    begun: bool = False


@dataclass(frozen=True)
class Watching:
    """Nothing moves; the next look follows."""


@dataclass(frozen=True)
class TakeBack:
    """All services go back.

    Attributes:
        why: What is wrong, by service.
        begun: Whether somebody began to take them back already, and did not finish.
    """

    why: Mapping[str, str] = field(default_factory=dict)
    begun: bool = False


@dataclass(frozen=True)
class Promote:
    """Stable takes over the canaries' images.

    Attributes:
        services: Those whose promotion is not done yet; of one that was begun, those alone for which it is written.
        begun: Whether the file asks for it already, since an earlier run was ended before its update.
    """

    services: tuple[str, ...]
    begun: bool = False


@dataclass(frozen=True)
class GiveUp:
    """A phase took too long: everything stays where it is."""

    words: str


@dataclass(frozen=True)
class Arrived:
    """There is nothing left to do."""


@dataclass(frozen=True)
class Refuse:
    """The climb cannot begin from here."""

    words: str


Step = Raise | Watching | TakeBack | Promote | GiveUp | Arrived | Refuse


def first_step(
    stands: Mapping[str, Standing], goal: Goal, off_routes: Mapping[str, str], options: str
) -> Step:
    """What was begun, and is to be finished before anything else. `next_step` says when: no canary goes up unjudged.

    Args:
        stands: The services.
        goal: Where they are to get to.
        off_routes: The services whose routes an abort took off the canary, which the state still has there.
        options: What commands in messages need to mean this stack: `--stack dev`.

    Returns:
        `Watching` where nothing is half done, and for a judge alone.
    """
    if not goal.moves:
        # Who has one is judged though others have none: after an update that failed nobody else looks at it.
        return Watching() if any(one.judged for one in stands.values()) else Refuse(unjudged(stands))
    if why := refusal(stands, goal, options):
        return Refuse(why)
    aborted = {name for name, one in stands.items() if one.asked.phase < one.phase and not one.promoting}
    if aborted or off_routes:
        names = [name for name in stands if name in aborted or name in off_routes]
        return TakeBack(dict.fromkeys(names, "an abort of it was begun and not finished"), begun=True)
    return _begun(stands) or Watching()


def next_step(
    stands: Mapping[str, Standing],
    verdicts: Mapping[str, Verdict],
    seconds_in_phase: float,
    goal: Goal,
    waits: str = "",
) -> Step:
    """What follows a look.

    A step that was written before, and not done, is the next one: it needs the verdict of any other, and no soak. A
    promotion that was is finished alone, whatever is said of those that its update does not move; nobody can judge whom
    users leave by it already.

    Args:
        stands: The services.
        verdicts: What the judge says of those that are at a phase.
        seconds_in_phase: Since the last step up.
        goal: Where they are to get to.
        waits: Why the step that was tried before could not be done yet; empty if none was tried.
    """
    if why := {name: one.words for name, one in verdicts.items() if one.answer == "sick"}:
        return TakeBack(why)
    unsure = not_well(stands, verdicts)
    begun = _begun(stands) if goal.moves else None
    if isinstance(begun, Promote):
        moves = [name for name, one in stands.items() if (one.promoting or _behind(one)) and not one.leaving]
        unsure = {name: why for name, why in unsure.items() if name in moves}
    watched = verdicts or any(one.phase for one in stands.values())
    soaked = seconds_in_phase >= goal.soak_seconds or not watched
    if seconds_in_phase >= goal.give_up_seconds and (unsure or waits):
        told = waits or "; ".join(f"{name}: {why}" for name, why in unsure.items())
        return GiveUp(f"after {duration(goal.give_up_seconds)} at this phase: {told}")
    if unsure or not (soaked or begun):
        return Watching()
    return begun or _up(stands, goal)


def _up(stands: Mapping[str, Standing], goal: Goal) -> Step:
    climbing = {
        name: one.phase + 1
        for name, one in stands.items()
        if one.phase < goal.top(one) and not (goal.promote and one.promoted)
    }
    if climbing:
        return Raise(climbing)
    return (_promotion(stands) if goal.promote and goal.moves else None) or Arrived()


def _begun(stands: Mapping[str, Standing]) -> Raise | Promote | None:
    """The step up, or the promotion, that is written and not done."""
    if promoting := tuple(name for name, one in stands.items() if one.promoting):
        return Promote(promoting, begun=True)
    behind = {name: one.asked.phase for name, one in stands.items() if _behind(one)}
    return Raise(behind, begun=True) if behind else None


def _behind(standing: Standing) -> bool:
    """Whether the file asks for a step up that is not done."""
    return standing.asked.phase > standing.phase


def not_well(stands: Mapping[str, Standing], verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """The services at a phase, or judged at none, that are not known to be well, and why."""
    unsure = {}
    for name, standing in stands.items():
        verdict = verdicts.get(name)
        if (standing.phase or verdict) and (verdict is None or verdict.answer != "well"):
            unsure[name] = verdict.words if verdict else "nobody has looked at it"
    return unsure


def beginning(stands: Mapping[str, Standing], goal: Goal) -> list[str]:
    """The services whose canary a climb would bring up; whoever is at a phase, somebody has brought there already."""
    return [
        name
        for name, one in stands.items()
        if goal.moves and not one.phase and not one.promoting and not (goal.promote and one.promoted)
    ]


def all_steps(stands: Mapping[str, Standing], goal: Goal) -> dict[str, list[int]]:
    """The phases that each service is still to climb, in their order."""
    return {name: list(range(one.phase + 1, goal.top(one) + 1)) for name, one in stands.items()}


def _promotion(stands: Mapping[str, Standing]) -> Promote | None:
    names = tuple(name for name, one in stands.items() if not one.promoted)
    return Promote(names) if names else None

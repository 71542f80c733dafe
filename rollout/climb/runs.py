"""A climb by workflows: each run does one phase and starts the next run.

A run begins by looking at what file and state say, so it needs nothing of the one before but what it cannot see:
when the watch at this phase began, and which phases the state had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.climb.steps import Promote, Raise, Refuse, TakeBack, first_step, next_step
from rollout.judge.verdict import Verdict
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.climb.standing import Standing
    from rollout.climb.steps import Goal, Step


class EndError(Exception):
    """The climb ends here, for a reason in words.

    Attributes:
        outcome: How: `refused`, `moved by somebody`, `promoted`.
    """

    def __init__(self, words: str, outcome: str = "refused") -> None:
        super().__init__(words)
        self.outcome = outcome


@dataclass(frozen=True)
class Run:
    """What a run was told.

    Attributes:
        stack: The stack's name.
        names: The services.
        goal: Where they are to get to, and how patient the climb is.
        first: The id of the run that the climb began with.
        base: The commit that this one was about.
        since: When the watch at this phase began, in seconds since the epoch; 0 where it begins now.
        stood: The phases that the run before found in the state, by service; empty in the first run.
        reviewed: Whether changes of others need somebody's approval, so that no step may bring them along.
    """

    stack: str
    names: tuple[str, ...]
    goal: Goal
    first: str
    base: str
    since: int
    stood: Mapping[str, int]
    reviewed: bool


def decide(run: Run, stands: Mapping[str, Standing], foreign: str) -> dict[str, str]:
    """What a run does.

    Args:
        run: What it was told.
        stands: The services by file and state.
        foreign: What an update would do beside the climb's own step, and nobody has approved; empty if nothing.

    Returns:
        `todo`: `update` (to what the file asks for, then watch), `watch`, or `step` (at once: no canary is there to be
        watched). `watching`: the services with a canary then, or before an update that promotes: if that fails, they
        may have it still. `promoting`, whom the update promotes. `then`, what follows once they are well: `up` or
        `promote` with their `names`, `arrived`; after an update that promotes and leaves no canary, `promoted`, or
        `look` where others are still to climb. `hold`, why nothing may move although it could.

    Raises:
        EndError: If the climb ends.
    """
    first = first_step(stands, run.goal, {}, f"--stack {run.stack}")
    _end_where_it_must(run, stands, first)
    at_a_phase = any(one.phase for one in stands.values())
    if foreign:
        held = f"main holds changes that {run.stack} has not got yet, and a step would bring them along: {foreign}"
        if not at_a_phase:
            raise EndError(f"{held}; deploy them, then start the climb again")
        return {"todo": "watch", **_watched(stands, run.goal), "hold": one_line(held)}
    # An update does all that is written, whichever of it is finished first.
    done = {
        name: one.at(one.asked.phase) if one.asked.phase > one.phase else one for name, one in stands.items()
    }
    if isinstance(first, Promote):
        left = {name: one for name, one in done.items() if name not in first.services}
        who = {"promoting": " ".join(first.services), "watching": _at_a_phase(done)}
        return {"todo": "update", **who, **_after_promotion(left, run.goal)}
    if isinstance(first, Raise):
        return {"todo": "update", **_watched(done, run.goal)}
    following = _watched(stands, run.goal)
    if not at_a_phase and following["then"] != "up":
        raise EndError("no canary is left, and stable runs its image", "promoted")
    return {"todo": "watch" if at_a_phase else "step", **following}


def _end_where_it_must(run: Run, stands: Mapping[str, Standing], first: Step) -> None:
    if isinstance(first, TakeBack):
        raise EndError(f"{', '.join(first.why)} is being taken back", "moved by somebody")
    for name, one in stands.items():
        known = run.stood.get(name, one.phase)
        if one.phase not in (known, one.asked.phase):
            told = f"{name}: somebody else brought it from phase {known} to phase {one.phase}, beside git"
            raise EndError(told, "moved by somebody")
    if isinstance(first, Refuse):
        raise EndError(first.words)


def _watched(stands: Mapping[str, Standing], goal: Goal) -> dict[str, str]:
    return {"watching": _at_a_phase(stands), **_if_well(stands, goal)}


def _after_promotion(others: Mapping[str, Standing], goal: Goal) -> dict[str, str]:
    if any(one.phase for one in others.values()):
        return _if_well(others, goal)
    return {"then": "promoted" if all(one.promoted for one in others.values()) else "look"}


def _at_a_phase(stands: Mapping[str, Standing]) -> str:
    return " ".join(name for name, one in stands.items() if one.phase)


def _if_well(stands: Mapping[str, Standing], goal: Goal) -> dict[str, str]:
    well = {name: Verdict(name, "well", ()) for name, one in stands.items() if one.phase}
    step = next_step(stands, well, goal.soak_seconds, goal)
    if isinstance(step, Raise):
        moves = ", ".join(f"{name} {stands[name].phase} → {phase}" for name, phase in step.phases.items())
        return {"then": "up", "names": " ".join(step.phases), "moves": moves}
    if isinstance(step, Promote):
        return {"then": "promote", "names": " ".join(step.services), "moves": ""}
    return {"then": "arrived"}

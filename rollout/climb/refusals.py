"""Why a climb cannot begin from where its services are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.climb.standing import Standing
    from rollout.climb.steps import Goal


def refusal(stands: Mapping[str, Standing], goal: Goal, options: str) -> str:
    """Why a climb cannot begin; empty if it can."""
    told = [
        _image_of(name, one, options) or _refusal_of(name, one, goal, options) for name, one in stands.items()
    ]
    highest = max((one.last for one in stands.values()), default=0)
    if goal.to is not None and not 1 <= goal.to <= highest:
        told.append(f"there is no phase {goal.to} to climb to; the highest one here is phase {highest}")
    return "; ".join(filter(None, told))


def _image_of(name: str, standing: Standing, options: str) -> str:
    """Why the canary that runs is not the one to be judged; empty if it is."""
    asked, running = standing.asked, standing.left.canary
    if not running or running == asked.canary or not 0 < asked.phase == standing.phase:
        return ""
    told = (
        f"the file asks for the canary image {asked.canary.short}, and the last update left {running.short}"
    )
    return f"{name}: {told}; do it first: `pulumi up {options}`"


def _refusal_of(name: str, standing: Standing, goal: Goal, options: str) -> str:
    asked, phase = standing.asked.phase, standing.phase
    if not standing.last:
        return f"{name}: its ladder has no canary, so it has no phases to climb"
    if standing.promoting and not goal.promote:
        way = f"finish it: `eco2 promote {name} {options}`"
        return f"{name}: its promotion is written and not done; {way}, or add --promote"
    if 0 < asked < phase:
        way = f"do it first: `pulumi up {options}`"
        return (
            f"{name}: the file asks for phase {asked}, a step back from phase {phase} that is not done; {way}"
        )
    if asked > phase + 1:
        way = f"a climb skips no phase: `eco2 advance {name} --to {phase + 1} {options}`"
        return f"{name}: the file asks for phase {asked}, and the last update left phase {phase}; {way}"
    if goal.to is not None and max(asked, phase) > min(goal.to, standing.last):
        where = f"is at phase {phase}" if asked <= phase else f"the file asks for phase {asked}"
        way = f"to go back: `eco2 advance {name} --to {goal.to} {options}`"
        return f"{name}: {where} already, above phase {goal.to}, and a climb only goes up; {way}"
    return ""

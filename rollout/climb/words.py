"""How a climb is told: in the message of each update, which `eco2 history` shows, and at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollout.climb.sick_before import trailer
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.climb.standing import Standing
    from rollout.judge.verdict import Verdict

MINUTE, HOUR = 60, 3600
BEGUN: Final = "goes on with what was written before"
LONGEST_MESSAGE: Final = 600
"""Letters; what stands behind them nobody reads in a list of updates."""


def duration(seconds: float) -> str:
    """`40 s`, `10 min`, `1 h 30 min`."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(whole // MINUTE, MINUTE)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def of_step(
    stands: Mapping[str, Standing],
    phases: Mapping[str, int],
    verdicts: Mapping[str, Verdict],
    seconds_in_phase: float,
    *,
    begun: bool = False,
) -> str:
    """The message of a step up: `climb auth-api 2 → 3: well after 10 min: ...; canary image auth-api-0.8.0`.

    Args:
        stands: The services before it.
        phases: Where it brings them.
        verdicts: What was said of those that were at a phase.
        seconds_in_phase: How long they were there.
        begun: Whether an earlier climb had written it down.
    """
    moves = ", ".join(f"{name} {stands[name].phase} → {phase}" for name, phase in phases.items())
    why = _why(verdicts, seconds_in_phase, begun=begun)
    return _message(f"climb {moves}", why, [stands[name] for name in phases])


def of_promotion(
    stands: Mapping[str, Standing],
    names: tuple[str, ...],
    verdicts: Mapping[str, Verdict],
    seconds: float,
    *,
    begun: bool = False,
) -> str:
    """The message of a promotion; arguments as of `of_step`. One that was begun needs no verdict on any other."""
    promoted = {name: stands[name] for name in names}
    told = {
        name: verdict
        for name, verdict in verdicts.items()
        if not begun or (name in promoted and not promoted[name].leaving)
    }
    why = _why(told, seconds, begun=begun, unjudged=unjudged(promoted))
    return _message(f"climb promotes {', '.join(names)}", why, [stands[name] for name in names])


def of_way_back(
    stands: Mapping[str, Standing], why: Mapping[str, str], seconds_in_phase: float, *, judged: bool = True
) -> str:
    """The message of the update that takes services back.

    Args:
        stands: The services before it.
        why: What is wrong, by service.
        seconds_in_phase: How long they were there.
        judged: Whether that is a verdict on the canaries; the end of somebody's abort is none.
    """
    from_where = ", ".join(f"{name} {one.phase} → 0" for name, one in stands.items())
    reasons = "; ".join(f"{name}: {reason}" for name, reason in why.items())
    told = f"sick after {duration(seconds_in_phase)}: {reasons}" if judged else reasons
    message = _message(f"climb takes back {from_where}", told, list(stands.values()))
    ran = {name: one.left.canary or one.asked.canary for name, one in stands.items()}
    sick = [trailer(name, stands[name].phase, ran[name].short) for name in why if judged]
    return "\n".join([message, *sick])


def places(stands: Mapping[str, Standing]) -> str:
    """`auth-api at phase 3 (20 %), my-api at phase 1 (header only), chat-api at phase 0 (off)`."""
    return ", ".join(f"{name} at phase {one.phase} ({_share(one)})" for name, one in stands.items())


def unjudged(stands: Mapping[str, Standing]) -> str:
    """Why some services are not judged; empty where all are."""
    off = [name for name, one in stands.items() if not one.judged and not one.leaving]
    leaving = [name for name, one in stands.items() if one.leaving]
    told = [f"there is no canary to judge of {', '.join(off)}: at phase 0 none runs"] * bool(off)
    if leaving:
        told.append(f"users leave the canary of {', '.join(leaving)} for stable, and nobody can judge that")
    return "; ".join(told)


def ahead(stands: Mapping[str, Standing]) -> str:
    """What the file asks for beyond where services are, and so any update would do; empty if nothing."""
    told = [
        f"{name} is promoted" if one.promoting else f"{name} goes to phase {one.asked.phase}"
        for name, one in stands.items()
        if one.promoting or one.asked.phase > one.phase
    ]
    return f"by the file {', '.join(told)} with the next update, whoever makes it" if told else ""


def _share(standing: Standing) -> str:
    if standing.weight:
        return f"{standing.weight} %"
    return "header only" if standing.phase or standing.left.there else "off"


def _why(verdicts: Mapping[str, Verdict], seconds: float, *, begun: bool, unjudged: str = "") -> str:
    """What is behind a step: "well" is said only where every answer is that."""
    well = [one for one in verdicts.values() if one.answer == "well"]
    others = [f"{name}: {one.words}" for name, one in verdicts.items() if one.answer != "well"]
    missing = "; ".join(filter(None, (unjudged, *others)))
    told = [BEGUN] * begun
    if well:
        alone = len(well) == 1 and not missing
        words = "; ".join(one.words if alone else f"{one.service}: {one.words}" for one in well)
        told.append(f"{'judged' if missing else 'well'} after {duration(seconds)}: {words}")
    if missing:
        told.append(f"not judged: {missing}")
    return "; ".join(told) or "begins"


def _message(what: str, why: str, stands: list[Standing]) -> str:
    images = list(dict.fromkeys(one.asked.canary.short for one in stands))
    end = f"; canary image{'s' * (len(images) > 1)} {', '.join(images)}"
    start = one_line(f"{what}: {why}")
    room = max(LONGEST_MESSAGE - len(end), 0)
    return f"{start if len(start) <= room else start[: room - 3] + '...'}{end}"

"""What an update would do beside a climb's own step: nobody judges that, and a climb asks nobody about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.diff.differences import Beside
    from rollout.report.report import Report, ServiceChange

NOT_COMPARED: Final = "what changes beside rollouts"
"""How a warning begins that says that this is not known."""


OF_AN_IMAGE: Final = ("image ", "revision ")
"""How a reason to restart begins that a promotion brings for companions, which run stable's image."""


def beside_step(plan: Report, services: Mapping[str, Collection[str]]) -> str:
    """What an update would do beside a step, in words; empty if nothing.

    Args:
        plan: What the update would do.
        services: Those that the step moves, with their companions.
    """
    told = [_of_service(one) for one in plan.changes if one.service not in services]
    promoted = [one.service for one in plan.changes if one.before and one.before.stable != one.after.stable]
    follow = {companion for name in promoted for companion in services.get(name, ())}
    told += [f"{one.does}: {', '.join(one.what)}" for one in plan.beside or () if not _follows(one, follow)]
    return "; ".join(told + [one for one in plan.warnings if one.startswith(NOT_COMPARED)])


def _follows(entry: Beside, companions: Collection[str]) -> bool:
    image = all(why.startswith(OF_AN_IMAGE) for why in entry.why)
    return entry.does == "restarts" and image and set(entry.what) <= set(companions)


def _of_service(change: ServiceChange) -> str:
    before, after = change.before, change.after
    if before is None:
        return f"{change.service} is new"
    pairs = (
        ("from", before.level, after.level),
        ("stable image", before.stable, after.stable),
        ("canary image", before.canary, after.canary),
    )
    told = [f"{what} {was} → {now}" for what, was, now in pairs if was != now and None not in (was, now)]
    return f"{change.service} {', '.join(told) or 'other pods'}"

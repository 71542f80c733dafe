"""What an update would do beside a climb's own step: nobody judges that, and a climb asks nobody about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from rollout.report.report import Report, ServiceChange

NOT_COMPARED: Final = "what changes beside rollouts"
"""How a warning begins that says that this is not known."""


def beside_step(plan: Report, services: Collection[str]) -> str:
    """What an update would do beside a step, in words; empty if nothing.

    Args:
        plan: What the update would do.
        services: Those that the step moves.
    """
    told = [_of_service(one) for one in plan.changes if one.service not in services]
    told += [f"{one.does}: {', '.join(one.what)}" for one in plan.beside or ()]
    return "; ".join(told + [one for one in plan.warnings if one.startswith(NOT_COMPARED)])


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

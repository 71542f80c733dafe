"""Judging a whole update before anything is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.guards import overruled, refusals
from rollout.problems import ConfigError, Problem
from rollout.settings import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.prior import Prior
    from rollout.services import Wanted


def review(
    file: str,
    services: Mapping[str, Wanted],
    prior: Mapping[str, Prior],
    reasons: Mapping[str, str],
    only: Collection[str],
) -> tuple[str, ...]:
    """Refuses an update that breaks a guard for some service and is not overruled (rules 13 to 15).

    Args:
        file: The stack's file, to name in errors.
        services: What the stack's config asks for.
        prior: What the last update left.
        reasons: Why guards are overruled, by service.
        only: The services that this update is about; empty: all.

    Returns:
        A warning for each refusal that is overruled, and for each reason that stands without one.

    Raises:
        ConfigError: With every refusal that stands.
    """
    found = [
        refusal
        for name, wanted in services.items()
        if not only or name in only
        for refusal in refusals(wanted, prior.get(name), first=not prior)
    ]
    standing, warnings = overruled(found, reasons)
    if standing:
        raise ConfigError(
            Problem(file, f"{NAMESPACE}:rollouts.{refusal.service}", str(refusal)) for refusal in standing
        )
    idle = reasons.keys() - {refusal.service for refusal in found}
    return warnings + tuple(
        f"{name}: its guards are off ({reasons[name]}); to end that, remove {NAMESPACE}:overrule.{name}"
        for name in sorted(idle)
    )

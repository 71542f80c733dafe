"""What a climb could never call well, known before it begins: nobody would measure what its canary does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.problems import COMMAND_LINE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollout.spec.service import ServiceSpec

NAME_ONE = "name a Prometheus with Istio's metrics: --prometheus URL, or ECO2_PROMETHEUS_URL"
NAME_ANY = "name the Prometheus that answers its queries: --prometheus URL, or ECO2_PROMETHEUS_URL"


def unmeasured(
    services: Mapping[str, ServiceSpec], options: str, *, counted: bool, moves: bool
) -> Iterator[Problem]:
    """What is missing to know canaries to be well, one each.

    That a worker's pods run does not say that they do their work, so they alone are never enough. A judge that moves
    nothing may look at them: it can see that they are sick.

    Args:
        services: What the services are, as the stack wants them.
        options: What commands need to mean this stack: `--stack dev`.
        counted: Whether a Prometheus is named.
        moves: Whether it is a climb.
    """
    for name, service in services.items():
        checks = service.judge.checks
        if service.reads_queues and not checks and moves:
            why = "no requests come to a worker, and that its pods run does not say that they work, so nothing ever"
            way = f"add a check of its own, or move it by hand: `eco2 advance {name} {options}`"
            yield Problem("services.yaml", f"services.{name}.judge.checks", f"{why} calls it well; {way}")
        elif service.reads_queues and checks and not counted:
            why = f"nobody answers its own checks ({', '.join(checks)}), and without them it is never known to be well"
            yield Problem(COMMAND_LINE, name, f"{why}; {NAME_ANY}")
        elif not service.reads_queues and not counted:
            why = "nobody counts its requests, and without that no canary is known to be well"
            yield Problem(COMMAND_LINE, name, f"{why}; {NAME_ONE}")

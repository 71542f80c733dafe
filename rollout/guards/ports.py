"""Rule 18, of ports: the port that has a Service's traffic is not taken away from it in passing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.guards.deletions import DELETIONS
from rollout.guards.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.plan.prior import Prior
    from rollout.spec.services import Wanted


def ports_with_traffic_stay(wanted: Wanted, prior: Prior | None, component: str = "") -> list[Refusal]:
    """Rule 18: a Service keeps its first port, which its callers use, until another has taken its place.

    A Service changes at once, and its pods only when new ones are ready. In between no pod would listen on what it
    names (measured: 75 of 140 requests were answered with 503). A port that is added in front does no harm: routes
    name it once pods listen on it.

    Args:
        wanted: The service as it is to be.
        prior: What the last update left of it; None where it left nothing.
        component: Its component's name, with which names in the state begin; empty: its own.
    """
    return list(_taken_away(wanted, prior, component or wanted.name)) if prior else []


def _taken_away(wanted: Wanted, prior: Prior, component: str) -> Iterator[Refusal]:
    for name, workload in ((wanted.name, wanted.service), *wanted.service.companions.items()):
        before, ports = (
            prior.first_ports.get(_in_state(name, wanted.name, component)),
            [one.port for one in workload.ports],
        )
        if before is None or not ports or before in ports:
            continue
        why = (
            f"its Service changes at once and its pods only when new ones are ready: until then requests fail; "
            f"write ports with {ports[0]} first and {before} behind it, and take {before} away in a later update"
        )
        after = f"port {', '.join(map(str, ports))}"
        yield Refusal(wanted.name, DELETIONS, f"port {before} of Service {name}", after, why, "")


def _in_state(name: str, app: str, component: str) -> str:
    """An object's name in the state, as `components.kubernetes_objects` gives it."""
    if app == component:
        return name
    return component + name.removeprefix(app) if name.startswith(app) else f"{component}-{name}"

"""The status for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eco2.status.live import Deployment
    from eco2.status.snapshot import Snapshot, Status, Step


def services_as_json(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every service: the table's columns by name, and what they were taken from."""
    return [_service(one, snapshot.header) for one in snapshot.services]


def _service(status: Status, header: str) -> dict[str, Any]:
    counted = status.measured
    return {
        "service": status.service,
        "phase": status.phase,
        "weight": status.live.share,
        "header": header,
        "stable": _deployment(status.live.stable),
        "canary": _deployment(status.live.canary),
        "node_group": status.node_group,
        "companions": [_deployment(one) for one in status.live.companions],
        "config": _step(status.wanted),
        "applied": _step(status.applied),
        "cluster": asdict(status.live.routing),
        "measured": None
        if counted is None
        else {
            "canary_share": counted.canary_share(),
            "requests": counted.count,
            "lost": counted.lost,
            "window_seconds": counted.window_seconds,
        },
        "differences": [str(one) for one in status.differences],
        "alarms": list(status.alarms),
        "events": [{**asdict(event), "last": event.last.isoformat()} for event in status.events],
    }


def _deployment(deployment: Deployment | None) -> dict[str, Any] | None:
    return {**asdict(deployment), "image": str(deployment.image)} if deployment else None


def _step(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    canary = None if step.canary is None else str(step.canary)
    return {**asdict(step), "stable": str(step.stable), "canary": canary}

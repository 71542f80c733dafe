"""The plan of an update for scripts: plain values that become JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.guards.review import problems
from rollout.guards.rules import TITLES
from rollout.spec.instances import MIB

if TYPE_CHECKING:
    from rollout.report.cost import Extra
    from rollout.report.report import Report, ServiceChange
    from rollout.spec.instances import Load


def as_json(found: Report) -> dict[str, Any]:
    """The report for scripts; requests in millicores and MiB."""
    refused = zip(found.refused, problems(found.file, found.refused), strict=True)
    return {
        "stack": found.stack,
        "first": found.first,
        "refused": [
            {
                "service": one.service,
                "rule": one.rule,
                "title": TITLES[one.rule],
                "key": problem.key,
                "reason": one.finding,
                "next": one.command,
            }
            for one, problem in refused
        ],
        "warnings": list(found.warnings),
        "changes": [_change_json(one) for one in found.changes],
        "unchanged": list(found.unchanged),
        "beside": None if found.beside is None else [vars(one) for one in found.beside],
        "cost": _cost_json(found.total),
    }


def _change_json(one: ServiceChange) -> dict[str, Any]:
    return {
        "service": one.service,
        "direction": str(one.direction),
        "before": vars(one.before) if one.before else None,
        "after": vars(one.after),
        "traffic": {"withHeader": one.with_header, "withoutHeader": one.without_header},
        "fallsBack": one.falls_back,
        "keepsUsersBy": one.keeps,
        "order": list(one.order),
        "podsAdded": one.added,
        "cost": _cost_json(one.extra),
        "refused": one.refused,
    }


def _cost_json(extra: Extra) -> dict[str, Any]:
    pods, cpu, memory = extra.percent
    return {
        "canary": _load_json(extra.canary),
        "stable": _load_json(extra.stable),
        "percentOfStable": {"pods": pods, "cpu": cpu, "memory": memory},
        "blueGreenPercent": 100,
    }


def _load_json(load: Load) -> dict[str, int]:
    own = load.requests
    return {"pods": load.pods, "cpuMillicores": own.cpu_millicores, "memoryMib": own.memory_bytes // MIB}

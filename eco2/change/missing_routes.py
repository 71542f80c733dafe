"""Routes that somebody deleted: an update would move one of two, and fail at the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.diff.objects import Object
from rollout.plan.order import Direction
from rollout.traffic.names import routing_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eco2.abort.routes import RoutedService
    from rollout.report.report import Report

NOT_BACK = (Direction.UP, Direction.PROMOTE)


def going_on(plan: Report) -> list[str]:
    """The services whose routes a plan moves, and not back: a way back must not be refused for what is missing."""
    return [one.service for one in plan.changes if one.direction in NOT_BACK]


def known_routes(services: Mapping[str, RoutedService], resources: Iterable[str]) -> list[Object]:
    """What brings traffic to services by the state, subsets included.

    Args:
        services: What the services are.
        resources: The URNs of the state's resources.
    """
    wanted = {
        place: service.namespace
        for name, service in services.items()
        if (routing := routing_objects(name, service.kind))
        for place in (*routing, ("DestinationRule", name))
    }
    made = [Object(urn, "", {}) for urn in resources if "$kubernetes:" in urn]
    return [
        Object(one.urn, "", {"metadata": {"namespace": wanted[one.kind, one.name]}})
        for one in made
        if (one.kind, one.name) in wanted
    ]

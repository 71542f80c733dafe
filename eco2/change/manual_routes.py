"""Hands on routes: what somebody changed in the cluster beside the program, and what takes it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from eco2.background import Later
from eco2.change.missing_routes import known_routes
from eco2.field_managers import hands
from eco2.stack.missing import gone, words
from kube.cluster import ClusterClient
from kube.errors import ClusterError, NoClusterError
from rollout.plan.state import leads_more, written
from rollout.traffic.names import routing_objects
from rollout.traffic.selector import selected_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from eco2.abort.routes import RoutedService
    from rollout.report.report import Report, ServiceChange
    from rollout.spec.service import ServiceSpec


@dataclass(frozen=True)
class Found:
    """What live routes tell that neither config nor state knows.

    Attributes:
        hands: Whose routes somebody else has set, a line a service.
        unfinished: The services whose routes an abort took off the canary, and whose state still has it there.
    """

    hands: tuple[str, ...]
    unfinished: tuple[str, ...]


def look_at_routes(
    cluster: ClusterClient,
    services: Mapping[str, RoutedService],
    resources: Mapping[str, Any],
    moving: Collection[str],
    stack: str,
) -> Found:
    """Looks at the live routes of services.

    Args:
        cluster: The cluster.
        services: What the services are.
        resources: Type and outputs of the state's resources by URN; empty where they are not known.
        moving: Those whose routes the next update changes: it takes them back by force.
        stack: The stack's name.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    looks = {
        (name, kind, one): Later(partial(cluster.read, kind, service.namespace, one))
        for name, service in services.items()
        for kind, one in routing_objects(name, service.kind)
    }
    found: dict[str, list[str]] = {}
    unfinished, state = set(), written(resources)
    for (name, kind, one), later in looks.items():
        live = later.result()
        if live is None:
            continue
        if managers := hands(live, kind):
            place = f"{kind} {services[name].namespace}/{one}"
            found.setdefault(name, []).append(f"{place} by {', '.join(managers)}")
        elif leads_more(state.get((kind, one), {}), live):
            unfinished.add(name)
    # An update compares config and state, and leaves alone what differs in the cluster only.
    by_refresh = (
        f"an update that changes no route of it leaves that; to take it back: "
        f"pulumi up --refresh --run-program --stack {stack}"
    )
    told = tuple(
        f"{name}: changed by hand: {'; '.join(places)}; "
        + ("this update takes it back" if name in moving else by_refresh)
        for name, places in found.items()
    )
    return Found(told, tuple(name for name in services if name in unfinished))


def unfinished_abort(names: Iterable[str], stack: str) -> str:
    """What to say of services whose abort is not finished."""
    told = " ".join(names)
    way = f"finish it first: eco2 abort {told} --stack {stack}"
    return f"{told}: an abort took its routes off the canary and is not finished, and an update may undo that; {way}"


def with_hands(
    report: Report, services: Mapping[str, ServiceSpec], resources: Mapping[str, Any], context: str
) -> Report:
    """Adds to a report what live routes tell beside it; as it is where there is no cluster to ask from here.

    Args:
        report: The report on an update.
        services: What the services are.
        resources: Type and outputs of the state's resources by URN; empty where they are not known.
        context: The kubeconfig's context of the stack's cluster.
    """
    moving = {one.service for one in report.changes if _moves_routes(one, services[one.service])}
    try:
        cluster = ClusterClient(context)
        found = look_at_routes(cluster, services, resources, moving, report.stack)
        lost = gone(cluster, known_routes(services, resources))
    except NoClusterError:
        return report
    except ClusterError as error:
        what = "whether somebody changed or deleted routes by hand, or an abort is not finished,"
        return replace(report, warnings=(*report.warnings, f"{what} is not known: {error}"))
    unfinished = [unfinished_abort([name], report.stack) for name in found.unfinished]
    deleted = [words(lost, report.stack)] if lost else []
    return replace(report, warnings=(*report.warnings, *deleted, *unfinished, *found.hands))


def _moves_routes(change: ServiceChange, service: ServiceSpec) -> bool:
    before, after = change.before, change.after
    if before is None:
        return True
    if service.by_selector:
        at = partial(selected_at, falls_back=service.falls_back)
        return at(before.share) != at(after.share)
    return before.level != after.level

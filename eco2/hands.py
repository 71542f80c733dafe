"""Hands on routes: what somebody changed in the cluster beside the program, and what takes it back."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eco2.route_objects import hands, objects_of
from eco2.together import Later
from kube.cluster import Cluster, ClusterError, NoClusterError
from rollout.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from eco2.first_stroke import Routed
    from rollout.catalog import Service
    from rollout.report import Change, Report


def hands_on_routes(
    cluster: Cluster, services: Mapping[str, Routed], moving: Collection[str], stack: str
) -> list[str]:
    """Says whose routes somebody else has set, a line a service.

    Args:
        cluster: The cluster.
        services: What the services are.
        moving: Those whose routes the next update changes: it takes them back by force.
        stack: The stack's name.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    looks = {
        (name, kind, one): Later(partial(cluster.read, kind, service.namespace, one))
        for name, service in services.items()
        for kind, one in objects_of(name, service.kind)
    }
    found: dict[str, list[str]] = {}
    for (name, kind, one), later in looks.items():
        live = later.result()
        if live is not None and (managers := hands(live, kind)):
            place = f"{kind} {services[name].namespace}/{one}"
            found.setdefault(name, []).append(f"{place} by {', '.join(managers)}")
    # An update compares config and state, and leaves alone what differs in the cluster only.
    by_refresh = (
        f"no update without a change of its routes does: pulumi up --refresh --run-program --stack {stack}"
    )
    return [
        f"{name}: changed by hand: {'; '.join(told)}; "
        + ("this update takes it back" if name in moving else by_refresh)
        for name, told in found.items()
    ]


def with_hands(report: Report, services: Mapping[str, Service], context: str) -> Report:
    """Adds to a report whose routes somebody else has set; as it is where there is no cluster to ask from here.

    Args:
        report: The report on an update.
        services: What the services are.
        context: The kubeconfig's context of the stack's cluster.
    """
    moving = {one.service for one in report.changes if _moves_routes(one, services[one.service].kind)}
    try:
        told = hands_on_routes(Cluster(context), services, moving, report.stack)
    except NoClusterError:
        return report
    except ClusterError as error:
        told = [f"whether somebody changed routes by hand is not known: {error}"]
    return replace(report, warnings=(*report.warnings, *told))


def _moves_routes(change: Change, kind: str) -> bool:
    before, after = change.before, change.after
    if before is None:
        return True
    if kind == "grpc":
        # Its Service selects stable or the canary as a whole.
        return (before.share == FULL_WEIGHT) != (after.share == FULL_WEIGHT)
    return before.level != after.level

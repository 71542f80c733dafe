"""Hands on routes: what somebody changed in the cluster beside the program, and what takes it back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eco2.first_stroke import hands, route_objects
from eco2.together import Later

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from eco2.first_stroke import Routed
    from kube.cluster import Cluster


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
        for kind, one in route_objects(name, service)
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

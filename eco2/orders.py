"""In which order a state's resources stand, service by service.

An update with targets takes over what it leaves alone as it stands in the state. There the engine
adds whatever a resource depended on before the resource itself, and then refuses the program's own
declaration of it as a duplicate (`queueUntargetedDependencySames`, read in Pulumi 3.259 and met in
the lab). So the program must declare a service that is left alone in the order of the state, and
not in that of its config, which a rollback or a promotion has turned round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.metadata import CANARY_SERVICE
from rollout.order import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable


def orders(resources: Iterable[dict[str, Any]]) -> dict[str, Direction]:
    """The order of every service whose routes do not stand last.

    Args:
        resources: Those of an exported state.

    Returns:
        `DOWN` where something waits for the routes, `PROMOTE` where the routes wait for stable, too.
    """
    found: dict[str, Direction] = {}
    known = list(resources)
    for component in known:
        if component["type"] != CANARY_SERVICE:
            continue
        name = component["urn"].rsplit("::", 1)[1]
        children = [one for one in known if one.get("parent") == component["urn"]]
        routes = {one["urn"] for one in children if one["type"].endswith(":VirtualService")}
        # Without routes the Service's selector is the route.
        routes = routes or {one["urn"] for one in children if one["urn"].endswith(f":Service::{name}")}
        stable = {one["urn"] for one in children if one["urn"].endswith(f":Deployment::{name}")}
        after_routes = [one for one in children if one["urn"] not in routes and routes & _before(one)]
        if after_routes:
            waits_for_stable = any(stable & _before(one) for one in children if one["urn"] in routes)
            found[name] = Direction.PROMOTE if waits_for_stable else Direction.DOWN
    return found


def _before(resource: dict[str, Any]) -> set[str]:
    return set(resource.get("dependencies") or ())

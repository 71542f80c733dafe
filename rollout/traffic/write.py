"""VirtualServices of a split: which request reaches which subset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.fields import present
from rollout.traffic import baggage
from rollout.traffic import kept as keeping
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.names import canary_name, service_host
from rollout.traffic.versions import CANARY_SUBSET, FALLBACK_SUBSET, STABLE_SUBSET

if TYPE_CHECKING:
    from rollout.spec.catalog import CanaryHeader
    from rollout.spec.routes import Route
    from rollout.spec.service import ServiceSpec
    from rollout.spec.stickiness import Stickiness
    from rollout.traffic.split import Split


@dataclass(frozen=True)
class Routed:
    """A service whose requests are split.

    Attributes:
        name: Its name.
        service: What it is: namespace, port and routes.
        header: The header that leads to the canary.
        subset_there: Whether the subset that falls back is there before these routes are.
        kept: The rollout whose users keep their version; None: nobody has its cookies.
    """

    name: str
    service: ServiceSpec
    header: CanaryHeader
    subset_there: bool = True
    kept: keeping.Kept | None = None

    @property
    def host(self) -> str:
        """The name of its Service in the mesh."""
        return service_host(self.name, self.service.namespace)

    @property
    def to_canary(self) -> str:
        """The subset that gets the canary's share."""
        return FALLBACK_SUBSET if self.service.falls_back and self.subset_there else CANARY_SUBSET


def public_spec(split: Split, routed: Routed, host: str, gateway: str) -> dict[str, Any]:
    """The VirtualService for requests that enter by the gateway.

    Args:
        split: Who gets what.
        routed: The service.
        host: The public host.
        gateway: Where it is bound.
    """
    keeps = routed.service.stickiness
    rules = [
        rule
        for route in routed.service.routes
        for rule in _rules(
            split, routed, route, baggage.outside(routed.header, clean=route.removes_baggage), keeps
        )
    ]
    return {"hosts": [host], "gateways": [gateway], "http": rules}


def mesh_spec(split: Split, routed: Routed) -> dict[str, Any]:
    """The VirtualService for callers inside the mesh, on the service's own host (rule 4).

    The public host is shared by all APIs and so must not be bound to `mesh`.
    """
    routes = (*routed.service.mesh_routes, None)
    own = baggage.inside(routed.header)
    # Callers inside the mesh are programs, which keep no cookies.
    keeps = routed.service.stickiness
    keeps = keeps if keeps and keeps.header else None
    rules = [rule for route in routes for rule in _rules(split, routed, route, own, keeps)]
    return {"hosts": [routed.host], "gateways": ["mesh"], "http": rules}


def _rules(
    split: Split,
    routed: Routed,
    route: Route | None,
    own: tuple[baggage.HeaderRule, ...],
    keeps: Stickiness | None,
) -> list[dict[str, Any]]:
    """The canary's own rules, if any, then those of users who keep their version, then the weighted one.

    All come from the same route, so they differ in match and destination only (argo-rollouts#3088,
    #3953, #2895). Without a route: everything.
    """
    name = route.name if route else "default"
    if route and route.direct_response:
        answer = route.direct_response
        direct = {"status": answer.status, "body": {"string": answer.body}}
        return [{"name": name, "match": _matches(route), "directResponse": direct}]
    treatment = _treatment(route)
    rules = []
    if split.header:
        to_canary = [_destination(routed, CANARY_SUBSET)]
        for one in own:
            match = [{**path, "headers": asks} for path in _matches(route) or [{}] for asks in one.asks]
            called = f"{canary_name(name)}{one.ending}"
            rules.append(
                {"name": called, "match": match, "route": to_canary, **baggage.merged(treatment, one.sets)}
            )
    for lane in keeping.lanes(keeps, routed.kept, split.weight) if keeps else ():
        match = [{**one, "headers": dict(lane.headers)} for one in _matches(route) or [{}]]
        # Who was sent already keeps her cookie; who came from a lower weight is sent anew.
        cookies = keeps if 0 < lane.canary < lane.whole else None
        spread = _weighted(routed, lane.canary, lane.whole, split.weight, cookies)
        rules.append({"name": f"{name}.{lane.name}", "match": match, "route": spread, **treatment})
    spread = _weighted(routed, split.weight, FULL_WEIGHT, split.weight, keeps)
    rules.append(present(name=name, match=_matches(route), route=spread) | treatment)
    return rules


def _weighted(
    routed: Routed, canary: int, whole: int, weight: int, keeps: Stickiness | None
) -> list[dict[str, Any]]:
    """The split of some requests; a subset without weight is not named (rule 7).

    Args:
        routed: The service.
        canary: The canary's part of them.
        whole: What that is a part of.
        weight: The weight of the phase, which cookies name.
        keeps: How users are known that get a cookie here; None: nobody gets one.
    """
    kept = routed.kept if keeps and keeps.cookie and 0 < weight < FULL_WEIGHT else None
    found = []
    for subset, part in ((STABLE_SUBSET, whole - canary), (routed.to_canary, canary)):
        if part:
            one = {**_destination(routed, subset), "weight": part}
            if keeps and kept:
                met = keeping.to_canary(kept) if subset != STABLE_SUBSET else keeping.to_stable(kept, weight)
                one |= keeping.sets_cookie(keeps, met)
            found.append(one)
    return found


def _destination(routed: Routed, subset: str) -> dict[str, Any]:
    port = {"number": routed.service.ports[0].port}
    return {"destination": {"host": routed.host, "subset": subset, "port": port}}


def _matches(route: Route | None) -> list[dict[str, Any]]:
    if route is None:
        return []
    uri = {"uri": {"exact": route.exact} if route.exact else {"prefix": route.prefix}}
    return [{**uri, "method": {"exact": method}} for method in route.methods] or [uri]


def _treatment(route: Route | None) -> dict[str, Any]:
    if route is None:
        return {}
    headers = route.request_headers
    request = present(set=headers.set, add=headers.add, remove=list(headers.remove)) if headers else None
    return present(
        timeout=route.timeout,
        retries={"attempts": route.retries.attempts} if route.retries else None,
        headers={"request": request} if request else None,
    )

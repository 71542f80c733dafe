"""What users suffer from at this moment, by the cluster alone, in words.

A canary that has weight and no ready pod has fallen back: stable takes its share (rule 19). Where the catalog turns
that off its whole share fails (istio#27092). Where the ratio of pods decides, requests go to ready pods alone, so one
set of pods is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.guards.fallen_back import fallen_back
from rollout.traffic.kinds import by_selector, by_weight, reads_queues
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.versions import (
    CANARY_SUBSET,
    CANARY_VERSION,
    FALLBACK_SUBSET,
    STABLE_SUBSET,
    STABLE_VERSION,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eco2.prometheus import Requests
    from eco2.status.live import Deployment, Live
    from rollout.diff.drift import Drift


def at_the_canary(kind: str, live: Live, measured: Requests | None = None) -> str:
    """What fails or falls back since it is sent to a canary that cannot take it, which an abort ends; empty if nothing.

    Args:
        kind: `api`, `grpc` or `worker`.
        live: What the cluster runs.
        measured: Requests that a Prometheus counted: pods that answer with errors fall back by proxies alone.
    """
    why, weights = _lack(live.canary), live.routing.weights
    if not why:
        return _left_out(kind, live, measured)
    # Where routes disagree, some requests go by the highest.
    if by_weight(kind) and weights and weights[-1]:
        to = f"{weights[-1]} %" if len(weights) == 1 else f"up to {weights[-1]} %"
        what = "these requests fail"
        if live.routing.falls_back and not _lack(live.stable):
            what = "it has fallen back, stable's pods serve them"
        return f"routes send {to} to the canary, which {why}: {what}"
    if by_selector(kind) and live.routing.version == CANARY_VERSION:
        if not live.routing.falls_back:
            return f"the Service selects the canary alone, which {why}: all requests fail"
        what = "all requests fail" if _lack(live.stable) else "it has fallen back, stable's pods serve them"
        return f"all requests go to the canary, which {why}: {what}"
    return ""


def at_stable(kind: str, live: Live, *, up: bool) -> str:
    """Why stable cannot do what it is to do; empty if it can, or has nothing to do.

    Args:
        kind: `api`, `grpc` or `worker`.
        live: What the cluster runs.
        up: Whether an update has brought the service up; before, nothing need be there.
    """
    stable, routing = live.stable, live.routing
    if stable is None and not (up or routing.weights):
        return ""
    least = routing.weights[0] if by_weight(kind) and routing.weights else live.share or 0
    # A worker's share goes by pods. Without stable it is the whole, also where the canary reads other queues.
    idle = least >= FULL_WEIGHT and not (reads_queues(kind) and stable is None)
    why = _lack(stable)
    if not why or idle:
        return ""
    # No update does: the number of pods is the autoscaler's, and that leaves a Deployment alone that has none.
    way = ": `kubectl scale` brings it back" if stable and not stable.wanted else ""
    return f"stable {why}{way}"


def at_routes(name: str, kind: str, live: Live, *, up: bool) -> str:
    """Why requests find no pods at all; empty if they do."""
    version = live.routing.version
    if version not in (None, STABLE_VERSION, CANARY_VERSION):
        return f"the Service selects {version}, which is neither stable nor the canary: all requests fail"
    if up and by_selector(kind) and live.routing.missing:
        return f"no Service {name}: all requests fail"
    if up and f"VirtualService {name}" in live.routing.missing:
        return f"no VirtualService {name}: all requests from outside fail"
    return ""


def at_objects(drift: Iterable[Drift], live: Live) -> tuple[str, ...]:
    """Why requests fail though routes and pods are there: a Service or a subset that routes name is missing.

    Args:
        drift: Objects that are missing, or otherwise.
        live: What the cluster runs: without a canary none asks for one, and without weight no route leads to both.
    """
    found = []
    used = {STABLE_SUBSET}
    used |= {CANARY_SUBSET} if live.canary else set()
    # It holds stable's pods, too: without a canary requests by it are served.
    used |= {FALLBACK_SUBSET} if any(live.routing.weights) else set()
    for one in drift:
        if one.missing and one.kind == "Service":
            found.append(f"no Service {one.name}: all requests fail")
        lost = [subset for subset in one.lost_subsets if subset in used]
        if one.missing and lost:
            found.append(f"no DestinationRule {one.name}: all requests fail")
        elif lost:
            subsets = " and ".join(lost)
            found.append(f"DestinationRule {one.name} has no subset {subsets}: requests to it fail")
    return tuple(found)


def _left_out(kind: str, live: Live, measured: Requests | None) -> str:
    weights = live.routing.weights
    if by_selector(kind) and live.routing.version == CANARY_VERSION:
        weights = (FULL_WEIGHT,)
    if measured is None or len(weights) != 1 or not live.routing.falls_back or live.routing.keeps:
        return ""
    canary = measured.total.get(CANARY_VERSION, 0)
    got = fallen_back(weights[0], canary, measured.count, measured.window_seconds)
    routes = f"routes send {weights[0]} %" if by_weight(kind) else "all requests go"
    return f"{routes} to the canary, which {got}" if got else ""


def _lack(deployment: Deployment | None) -> str:
    """Why a Deployment takes no requests; empty if it does."""
    if deployment is None:
        return "has no Deployment"
    if deployment.ready:
        return ""
    return "has no ready pod" if deployment.wanted else "is scaled to 0"

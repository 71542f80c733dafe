"""Before a step up: has the canary fallen back to stable, by what a Prometheus counted?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.prometheus import Prometheus
from rollout.guards import fallen_back as judge
from rollout.guards.rules import cited
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.versions import CANARY_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.spec.service import ServiceSpec


def fallen_back(
    url: str, services: Mapping[str, ServiceSpec], weights: Mapping[str, float]
) -> dict[str, str]:
    """Why canaries are not fit for more traffic, by service; those of which too little was counted are left out.

    Pods that are ready and answer with errors are left out by each proxy for itself: no object tells.

    Args:
        url: The Prometheus' URL.
        services: What the services are, by name.
        weights: What the last update left each canary, in per cent.

    Raises:
        PrometheusError: If there is no usable answer.
    """
    asked = {name: one for name, one in services.items() if _tells(one, weights.get(name, 0))}
    if not asked:
        return {}
    found = {}
    for name, counted in Prometheus(url).requests(asked).items():
        canary = counted.total.get(CANARY_VERSION, 0)
        if why := judge.fallen_back(round(weights[name]), canary, counted.count, counted.window_seconds):
            found[name] = f"its canary has {weights[name]:g} % and {why} ({cited(19)})"
    return found


def _tells(service: ServiceSpec, weight: float) -> bool:
    """Whether a canary's share of the requests tells if it has fallen back.

    At full weight it is all of them. Below, an autoscaler moves the share where the ratio of pods decides, and
    where users keep their version a few of them may send most of the requests.
    """
    if not service.falls_back or not weight:
        return False
    return weight == FULL_WEIGHT or (service.by_weight and service.stickiness is None)

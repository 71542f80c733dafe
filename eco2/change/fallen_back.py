"""Before a step up: has the canary fallen back to stable, by what a Prometheus counted?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eco2.istio_metrics import by_reporter
from eco2.judge.questions import requests
from eco2.judge.requests import tells
from eco2.judge.series import by_proxy, failed_scrapes, key_of
from eco2.prometheus import Prometheus
from rollout.guards import fallen_back as judge
from rollout.guards.rules import cited
from rollout.judge.scrapes import newest
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.spec.service import ServiceSpec

ENOUGH_OF_CANARY: Final = 100
"""Requests that a canary should have answered. With so many, a third of its share that is missing is seen."""


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
    found = {}
    asked = {
        name: one for name, one in services.items() if one.falls_back and tells(one, weights.get(name, 0))
    }
    for grpc, chosen in by_reporter(asked).items():
        scraped = by_proxy(Prometheus(url).samples(requests(chosen, grpc=grpc)), last=False)
        for name, service in chosen.items():
            weight = round(weights[name])
            proxies = [failed_scrapes(one) for one in scraped.get(key_of(name, service), {}).values()]
            # The newest that are enough: before them it may have had less weight.
            counted = newest(proxies, ENOUGH_OF_CANARY * FULL_WEIGHT / weight)
            answered = counted.canary.requests + counted.stable.requests
            if why := judge.fallen_back(weight, counted.canary.requests, answered, round(counted.seconds)):
                found[name] = f"its canary has {weights[name]:g} % and {why} ({cited(19)})"
    return found

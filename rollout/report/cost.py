"""What canaries cost: the pods that they add, and what those request, beside stable's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.spec.instances import PROXY, Load, ResourceRequest, pod_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.services import Wanted


@dataclass(frozen=True)
class Extra:
    """What a canary adds to its stable, by plan.

    Attributes:
        name: The service, or `total`.
        stable: Stable's pods, without companions, which have no canary. Blue-green adds as much: 100 %.
        canary: The canary's pods.
    """

    name: str
    stable: Load
    canary: Load

    @property
    def percent(self) -> tuple[float, float, float]:
        """The canary's pods, CPU and memory in per cent of stable's, one decimal."""
        added, own = self.canary.requests, self.stable.requests
        pairs = (
            (self.canary.pods, self.stable.pods),
            (added.cpu_millicores, own.cpu_millicores),
            (added.memory_bytes, own.memory_bytes),
        )
        pods, cpu, memory = (round(100 * part / whole, 1) if whole else 0.0 for part, whole in pairs)
        return pods, cpu, memory


def extras(
    services: Mapping[str, Wanted], plans: Mapping[str, RolloutPlan], proxy: ResourceRequest | None = PROXY
) -> tuple[Extra, ...]:
    """What canaries cost: every service in the catalog's order, the total last."""
    found = []
    for name, wanted in services.items():
        pod, plan = Load(1, pod_request(wanted.service, proxy)), plans[name]
        canary = plan.canary.replicas if plan.canary else 0
        found.append(Extra(name, sum([pod] * plan.stable.replicas, Load()), sum([pod] * canary, Load())))
    stable = sum((one.stable for one in found), Load())
    return (*found, Extra("total", stable, sum((one.canary for one in found), Load())))

"""A service as this environment wants it: the catalog with the stack's differences merged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.spec.image_settings import canary_image, stable_image
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.settings import ServiceSettings

if TYPE_CHECKING:
    from rollout.spec.catalog import Catalog
    from rollout.spec.image import Image
    from rollout.spec.service import ServiceSpec
    from rollout.spec.settings import Settings

OFF = RolloutSettings(phase=0)


@dataclass(frozen=True)
class Wanted:
    """One service with everything that its plan needs.

    Attributes:
        name: The service's name, also of its Service and its stable Deployment.
        service: What it is, in this environment.
        stable: The image of stable.
        canary: The image of the canary, used while there is one.
        rollout: How far its rollout is to be.
        route_propagation_seconds: How long proxies get to take over new routes before a canary may shrink.
        production: Whether users meet this environment.
        domain: The node group that its pods run on; empty where nobody plans nodes.
        environment: Stands in the tags of images that are pushed again.
    """

    name: str
    service: ServiceSpec
    stable: Image
    canary: Image
    rollout: RolloutSettings
    route_propagation_seconds: int
    production: bool = False
    domain: str = ""
    environment: str = ""

    @property
    def stable_replicas(self) -> int:
        """Pods of stable at the least: the autoscaler's floor where there is one."""
        scaler = self.service.autoscaler
        return scaler.min if scaler else self.service.replicas


def resolve(catalog: Catalog, settings: Settings) -> dict[str, Wanted]:
    """Merges every service with what the stack says of it, in the catalog's order.

    Args:
        catalog: What the services are.
        settings: A stack's settings, checked against this catalog.
    """
    repository = catalog.registry.repository
    wanted = {}
    for name, service in catalog.services.items():
        differing = settings.services.get(name, ServiceSettings())
        rollout = settings.rollouts.get(name, OFF)
        wanted[name] = Wanted(
            name=name,
            service=_merged(service, differing),
            stable=stable_image(repository, name, settings.environment, differing.image),
            canary=canary_image(repository, name, settings.environment, rollout.canary),
            rollout=rollout,
            route_propagation_seconds=settings.route_propagation_seconds,
            production=settings.production,
            domain=service.domain,
            environment=settings.environment,
        )
    return wanted


def _merged(service: ServiceSpec, differing: ServiceSettings) -> ServiceSpec:
    changes: dict[str, object] = {"env": {**service.env, **differing.env}}
    if differing.judge is not None:
        changes["judge"] = service.judge.differing(differing.judge)
    if differing.replicas is not None:
        changes["replicas"] = differing.replicas
    if differing.resources is not None:
        changes["resources"] = differing.resources
    if differing.autoscaler is not None and service.autoscaler is not None:
        bounds = {"min": differing.autoscaler.min, "max": differing.autoscaler.max}
        changes["autoscaler"] = service.autoscaler.model_copy(update=bounds)
    if differing.companions:
        changes["companions"] = {
            name: workload.model_copy(update=dict(differing.companions.get(name, ())))
            for name, workload in service.companions.items()
        }
    return service.model_copy(update=changes)

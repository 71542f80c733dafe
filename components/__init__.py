"""Pulumi components for canaries on Istio: `canary_services` for several services, and what they are made of."""

from components.canary_service import CanaryService, CanaryServiceArgs
from components.domain_node_group import DomainNodeGroup, DomainNodeGroupArgs, Placement
from components.node_role import NodeRole, NodeRoleArgs
from components.platform import Platform, PlatformArgs
from components.services import canary_services
from rollout.spec.catalog import CanaryHeader
from rollout.spec.image import Image
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.service import ServiceSpec
from rollout.spec.settings import NodeGroupSettings

__all__ = [
    "CanaryHeader",
    "CanaryService",
    "CanaryServiceArgs",
    "DomainNodeGroup",
    "DomainNodeGroupArgs",
    "Image",
    "NodeGroupSettings",
    "NodeRole",
    "NodeRoleArgs",
    "Placement",
    "Platform",
    "PlatformArgs",
    "RolloutSettings",
    "ServiceSpec",
    "canary_services",
]

"""Eco2's own services, from its catalog and a stack's settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from components.canary_service import CanaryServiceArgs
from components.cluster import Cluster, ClusterArgs
from components.domain_node_group import DomainNodeGroup, DomainNodeGroupArgs, placement
from components.node_role import NodeRole, NodeRoleArgs
from components.platform import Platform, PlatformArgs
from rollout.plan.cluster import identifier_left

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from components.stack import LastUpdate, UpdateLimits
    from rollout.plan.update import Update
    from rollout.spec.catalog import Catalog
    from rollout.spec.settings import Settings


def platform_of(
    catalog: Catalog, settings: Settings, context: str, last: LastUpdate, limits: UpdateLimits
) -> Platform:
    """What all services of a stack share.

    Args:
        catalog: Registry, gateway and canary header.
        settings: The public host, the limits in time, and a canary header of its own.
        context: The kubeconfig's context of the stack's cluster.
        last: What the stack's last update left.
        limits: What the update is limited to.
    """
    args = PlatformArgs(
        context=context,
        host=settings.host,
        gateway=catalog.gateway,
        canary_header=settings.canary_header or catalog.canary_header,
        labels={"app.kubernetes.io/part-of": catalog.part_of, "environment": settings.environment},
        pull_secret=catalog.registry.pull_secret,
        production=settings.production,
        route_propagation_seconds=settings.route_propagation_seconds,
        ready_timeout_seconds=settings.ready_timeout_seconds,
        protect=settings.protect,
        held=limits.held,
        anew=limits.anew,
        adopting=limits.adopting,
    )
    return Platform("", args, last)


def cluster_of(update: Update, context: str, last: LastUpdate, limits: UpdateLimits) -> Cluster:
    """The stack's cluster.

    Args:
        update: The update; where it takes something back, AWS is not asked for the cluster.
        context: The kubeconfig's context for it.
        last: What the stack's last update left.
        limits: What the update is limited to.
    """
    settings = update.settings
    args = ClusterArgs(
        context=context,
        subnet_ids=settings.cluster.subnet_ids,
        identifier=identifier_left(last.resources, update),
        protect=settings.protect,
        adopting=limits.adopting,
    )
    return Cluster(settings.cluster.name, args)


def service_args(
    update: Update, catalog: Catalog, platform: Platform, cluster: Cluster
) -> dict[str, CanaryServiceArgs]:
    """The services that an update declares.

    One with targets declares none but those that it is about. What it leaves alone the engine then keeps
    as it stands in the state. Declared, it would have to be so in the very shape and order of the state, which
    updates that failed and rollbacks leave in many forms: another order is refused (`Duplicate resource URN`),
    and routes without the canary that they depend on make a state that cannot be read again (3.259, met in the lab).

    Args:
        update: The update.
        catalog: The services.
        platform: What all services share.
        cluster: Where the namespaces are.
    """
    return {
        name: CanaryServiceArgs(
            platform=platform,
            service=wanted.service,
            stable=wanted.stable,
            canary=wanted.canary,
            rollout=wanted.rollout,
            placement=placement(wanted.domain),
            namespace=partial(cluster.namespace, wanted.service.namespace),
            labels={"domain": wanted.domain, "tier": catalog.services[name].tier},
            plan=update.plans[name],
        )
        for name in update.names
        for wanted in (update.services[name],)
    }


def declare_ground(
    update: Update, catalog: Catalog, cluster: Cluster, last: LastUpdate, limits: UpdateLimits
) -> Mapping[str, Sequence[pulumi.Resource]]:
    """Declares namespaces and nodes; what the pods of each service wait for.

    An update with targets declares nodes for an adoption alone: a way back must not hang on what AWS answers.

    Args:
        update: The update.
        catalog: The services.
        cluster: Where the nodes join.
        last: What the stack's last update left.
        limits: What the update is limited to.
    """
    for namespace in catalog.namespaces:
        cluster.namespace(namespace)
    if update.only and not limits.adopting:
        return {}
    nodes = _nodes(update.settings, cluster, last)
    return {name: [nodes[wanted.domain].node_group] for name, wanted in update.services.items()}


def _nodes(settings: Settings, cluster: Cluster, last: LastUpdate) -> dict[str, DomainNodeGroup]:
    """The nodes of all domains, by domain, with the role that they share."""
    tags = {"eco2:environment": settings.environment, "ManagedBy": "pulumi"}
    role = NodeRole(f"{cluster.name}-nodes", NodeRoleArgs(tags=tags, protect=settings.protect))
    return {
        domain: DomainNodeGroup(
            domain,
            DomainNodeGroupArgs(
                cluster_name=cluster.name,
                subnet_ids=cluster.subnet_ids,
                role_arn=role.arn,
                size=size,
                tags=tags,
                # EKS needs the policies to the very end: without them, network interfaces stay behind.
                after=role.policies,
                protect=settings.protect,
                last=last,
            ),
        )
        for domain, size in settings.node_groups.items()
    }

"""Nodes of one domain, which no other domain's pods may use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components.metadata import DOMAIN_LABEL as LABEL
from components.node_count import node_count
from components.node_role import NodeRole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.cluster import Cluster
    from rollout.plan.nodes import GroupLeft
    from rollout.spec.settings import NodeGroupSettings, Settings

AMI_TYPE = "AL2023_x86_64_STANDARD"


@dataclass(frozen=True)
class Placement:
    """What a pod says to run on a domain's nodes.

    Attributes:
        node_selector: The nodes' label.
        tolerations: For the nodes' taint.
    """

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...]


def placement(domain: str) -> Placement:
    """What the pods of a domain carry. Nothing else writes label or toleration, so node and pod cannot drift apart."""
    return Placement(
        node_selector={LABEL: domain},
        tolerations=({"key": LABEL, "operator": "Equal", "value": domain, "effect": "NoSchedule"},),
    )


class DomainNodeGroup(pulumi.ComponentResource):
    """An EKS managed node group with a label and a taint `domain=<name>:NoSchedule`.

    Attributes:
        node_group: The node group, to wait for.
    """

    node_group: aws.eks.NodeGroup

    def __init__(
        self,
        domain: str,
        settings: NodeGroupSettings,
        cluster: Cluster,
        role: NodeRole,
        tags: Mapping[str, str],
        left: GroupLeft | None,
        *,
        protect: bool,
    ) -> None:
        """Declares the group.

        Args:
            domain: The domain; also the value of label and taint.
            settings: Sizes and instance types.
            cluster: Where the nodes join.
            role: What the nodes may do in AWS.
            tags: Tags of everything in AWS, instances and volumes included.
            left: The group as the state has it; None without one.
            protect: Whether the group refuses to be deleted.
        """
        super().__init__("eco2:nodes:DomainNodeGroup", domain)
        # A group's tags do not reach its instances and volumes: the template's do.
        named = {**tags, "Name": f"{cluster.name}-{domain}", "eco2:domain": domain}
        template = aws.ec2.LaunchTemplate(
            domain,
            update_default_version=True,
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
            },
            block_device_mappings=[{"device_name": "/dev/xvda", "ebs": _root_volume(settings.disk_gib)}],
            tag_specifications=[{"resource_type": kind, "tags": named} for kind in ("instance", "volume")],
            tags=named,
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        name = _group_name(domain, settings, cluster)
        replaced = left is not None and left.name != name
        known = (
            left if left and left.cluster == cluster.name and (replaced or left.resized(settings)) else None
        )
        self.node_group = aws.eks.NodeGroup(
            domain,
            node_group_name=name,
            cluster_name=cluster.name,
            node_role_arn=role.arn,
            subnet_ids=cluster.subnet_ids,
            ami_type=AMI_TYPE,
            instance_types=list(settings.instance_types),
            # A number, never $Latest: that would hide a new version from the update.
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={
                "min_size": settings.min,
                "desired_size": node_count(domain, known, settings, self) if known else settings.desired,
                "max_size": settings.max,
            },
            update_config={"max_unavailable": 1},
            labels={LABEL: domain},
            taints=[{"key": LABEL, "value": domain, "effect": "NO_SCHEDULE"}],
            tags=named,
            opts=pulumi.ResourceOptions(
                parent=self,
                # EKS needs the policies to the very end: without them, network interfaces stay behind.
                depends_on=list(role.policies),
                ignore_changes=[]
                if replaced
                else [
                    # After creation the number of nodes is the cluster autoscaler's.
                    *([] if known else ["scalingConfig.desiredSize"]),
                    # The cluster's own subnets may grow, which is no reason to replace all nodes; those of
                    # the config are in the name.
                    *([] if cluster.own_subnets else ["subnetIds"]),
                ],
                protect=protect,
            ),
        )
        self.register_outputs({"name": self.node_group.node_group_name})


def declare_nodes(
    settings: Settings, cluster: Cluster, left: Mapping[str, GroupLeft]
) -> dict[str, DomainNodeGroup]:
    """The nodes of all domains, by domain, with the role that they share.

    Args:
        settings: The sizes of all groups.
        cluster: Where the nodes join.
        left: The groups that the state has, by domain.
    """
    tags = {"eco2:environment": settings.environment, "ManagedBy": "pulumi"}
    role = NodeRole(f"{settings.cluster.name}-nodes", tags, protect=settings.protect)
    return {
        domain: DomainNodeGroup(domain, size, cluster, role, tags, left.get(domain), protect=settings.protect)
        for domain, size in settings.node_groups.items()
    }


def _group_name(domain: str, settings: NodeGroupSettings, cluster: Cluster) -> str:
    """A name that changes with what EKS cannot change in place.

    So a replacement can come before the old group goes, which a fixed name would forbid, and yet an
    update that was killed finds the group that it had created, which a random name would not.
    """
    replaced_by = json.dumps([cluster.name, AMI_TYPE, settings.instance_types, cluster.own_subnets])
    return f"{domain}-{hashlib.sha256(replaced_by.encode()).hexdigest()[:6]}"


def _root_volume(gib: int) -> dict[str, Any]:
    return {"volume_type": "gp3", "volume_size": gib, "encrypted": "true", "delete_on_termination": "true"}

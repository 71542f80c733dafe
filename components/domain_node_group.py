"""Nodes of one domain, which no other domain's pods may use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components import stack
from components.node_count import node_count
from rollout.marks import DOMAIN_LABEL, DOMAIN_NODE_GROUP
from rollout.plan.nodes import groups_left

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rollout.spec.settings import NodeGroupSettings

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


def placement(domain: str, label: str = DOMAIN_LABEL) -> Placement:
    """What the pods of a domain carry. Nothing else writes label or toleration, so node and pod cannot drift apart."""
    return Placement(
        node_selector={label: domain},
        tolerations=({"key": label, "operator": "Equal", "value": domain, "effect": "NoSchedule"},),
    )


@dataclass(frozen=True, kw_only=True)
class DomainNodeGroupArgs:
    """What a `DomainNodeGroup` is made of.

    Attributes:
        cluster_name: The EKS cluster that the nodes join.
        subnet_ids: Where they stand. Subnets that are known here are part of the group's name, so that others
            replace it; changes of an output's are ignored: a cluster's own subnets may grow.
        role_arn: What the nodes may do in AWS.
        size: Sizes and instance types.
        domain: The value of label and taint; empty: the component's name.
        label: Their key.
        tags: Tags of everything in AWS, instances and volumes included.
        after: What must outlive the group, such as the policies of its role.
        protect: Whether the group refuses to be deleted.
        last: What the stack's last update left; None: read from its state.
    """

    cluster_name: str
    subnet_ids: Sequence[str] | pulumi.Output[Sequence[str]]
    role_arn: pulumi.Input[str]
    size: NodeGroupSettings
    domain: str = ""
    label: str = DOMAIN_LABEL
    tags: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[pulumi.Resource] = ()
    protect: bool = False
    last: stack.LastUpdate | None = None


class DomainNodeGroup(pulumi.ComponentResource):
    """An EKS managed node group with a label and a taint `domain=<name>:NoSchedule`.

    Attributes:
        node_group: The node group, to wait for.
        placement: What pods carry to run on it.
    """

    node_group: aws.eks.NodeGroup
    placement: Placement

    def __init__(
        self, name: str, args: DomainNodeGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declares the group.

        Args:
            name: Its name in the program, and the first part of the group's in AWS.
            args: What it is made of.
            opts: Pulumi's own.

        Raises:
            pulumi.RunError: If the state cannot be read.
        """
        super().__init__(DOMAIN_NODE_GROUP, name, None, opts)
        size, domain = args.size, args.domain or name
        fixed_subnets = not isinstance(args.subnet_ids, pulumi.Output)
        self.placement = placement(domain, args.label)
        # A group's tags do not reach its instances and volumes: the template's do.
        named = {**args.tags, "Name": f"{args.cluster_name}-{domain}", "eco2:domain": domain}
        template = aws.ec2.LaunchTemplate(
            name,
            update_default_version=True,
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
            },
            block_device_mappings=[{"device_name": "/dev/xvda", "ebs": _root_volume(size.disk_gib)}],
            tag_specifications=[{"resource_type": kind, "tags": named} for kind in ("instance", "volume")],
            tags=named,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        group_name = _group_name(name, args)
        left = groups_left((args.last or stack.last_update()).resources).get(name)
        replaced = left is not None and left.name != group_name
        resized = left is not None and (replaced or left.resized(size))
        known = left if left and left.cluster == args.cluster_name and resized else None
        self.node_group = aws.eks.NodeGroup(
            name,
            node_group_name=group_name,
            cluster_name=args.cluster_name,
            node_role_arn=args.role_arn,
            subnet_ids=args.subnet_ids,
            ami_type=AMI_TYPE,
            instance_types=list(size.instance_types),
            # A number, never $Latest: that would hide a new version from the update.
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={
                "min_size": size.min,
                "desired_size": node_count(name, known, size, self) if known else size.desired,
                "max_size": size.max,
            },
            update_config={"max_unavailable": 1},
            labels={args.label: domain},
            taints=[{"key": args.label, "value": domain, "effect": "NO_SCHEDULE"}],
            tags=named,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                ignore_changes=[]
                if replaced
                else [
                    # After creation the number of nodes is the cluster autoscaler's.
                    *([] if known else ["scalingConfig.desiredSize"]),
                    *([] if fixed_subnets else ["subnetIds"]),
                ],
                protect=args.protect,
            ),
        )
        self.register_outputs({"name": self.node_group.node_group_name})


def _group_name(name: str, args: DomainNodeGroupArgs) -> str:
    """A name that changes with what EKS cannot change in place.

    So a replacement can come before the old group goes, which a fixed name would forbid, and yet an
    update that was killed finds the group that it had created, which a random name would not.
    """
    subnets = () if isinstance(args.subnet_ids, pulumi.Output) else args.subnet_ids
    replaced_by = json.dumps([args.cluster_name, AMI_TYPE, args.size.instance_types, subnets])
    return f"{name}-{hashlib.sha256(replaced_by.encode()).hexdigest()[:6]}"


def _root_volume(gib: int) -> dict[str, Any]:
    return {"volume_type": "gp3", "volume_size": gib, "encrypted": "true", "delete_on_termination": "true"}

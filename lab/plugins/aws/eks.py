"""Managed node groups."""

from __future__ import annotations

import time

from lab.aws.instance_types import SHAPES
from lab.plugins.aws.kind import Kind, State
from lab.plugins.host import RefusedError


class NodeGroup(Kind):
    """`aws:eks/nodeGroup:NodeGroup`; its id is `cluster:group`."""

    properties = frozenset(
        {
            "amiType",
            "capacityType",
            "clusterName",
            "instanceTypes",
            "labels",
            "launchTemplate",
            "nodeGroupName",
        }
        | {"nodeRoleArn", "scalingConfig", "subnetIds", "tags", "taints", "updateConfig", "version"}
    )
    required = frozenset({"clusterName", "nodeRoleArn", "scalingConfig", "subnetIds"})
    named_by = "nodeGroupName"
    replaced_by = frozenset(
        {"amiType", "capacityType", "clusterName", "instanceTypes", "launchTemplate.id", "nodeGroupName"}
        | {"nodeRoleArn", "subnetIds"}
    )
    computed = frozenset({"arn", "tagsAll", "status", "resources"})
    active_seconds = 60.0

    def create(self, inputs: State) -> str:
        """Creates the group and waits until it is active."""
        cluster, name = inputs["clusterName"], inputs["nodeGroupName"]
        _refuse_out_of_order(name, _whole_sizes(inputs))
        if strangers := [one for one in inputs.get("instanceTypes") or () if one not in SHAPES]:
            raise RefusedError(
                f"eks NodeGroup {name}: InvalidParameterException: The following supplied instance types do not"
                f" exist: {strangers}; the lab has {', '.join(SHAPES)}"
            )
        arguments = {
            "clusterName": cluster,
            "nodegroupName": name,
            "nodeRole": inputs["nodeRoleArn"],
            "subnets": inputs["subnetIds"],
            "scalingConfig": _whole_sizes(inputs),
            "amiType": inputs.get("amiType"),
            "capacityType": inputs.get("capacityType"),
            "instanceTypes": inputs.get("instanceTypes"),
            "labels": inputs.get("labels"),
            "launchTemplate": inputs.get("launchTemplate"),
            "tags": inputs.get("tags"),
            "taints": inputs.get("taints"),
            "updateConfig": inputs.get("updateConfig"),
            "version": inputs.get("version"),
        }
        given = {key: value for key, value in arguments.items() if value is not None}
        self.session.client("eks").create_nodegroup(**given)
        identity = f"{cluster}:{name}"
        deadline = time.monotonic() + self.active_seconds
        while (self.read(identity, inputs) or {}).get("status") != "ACTIVE":
            if time.monotonic() > deadline:
                raise RefusedError(f"eks NodeGroup {name} is not active after {self.active_seconds:g} s")
            time.sleep(0.2)
        return identity

    def _describe(self, identity: str) -> State | None:
        cluster, _, name = identity.partition(":")
        eks = self.session.client("eks")
        found = self.session.found(lambda: eks.describe_nodegroup(clusterName=cluster, nodegroupName=name))
        return dict(found["nodegroup"]) if found else None

    def read(self, identity: str, inputs: State) -> State | None:
        """Reads the group."""
        group = self._describe(identity)
        if group is None:
            return None
        known = {
            "clusterName": group["clusterName"],
            "nodeGroupName": group["nodegroupName"],
            "nodeRoleArn": group["nodeRole"],
            "subnetIds": group["subnets"],
            "scalingConfig": group["scalingConfig"],
            "labels": group.get("labels", {}),
            "tags": inputs.get("tags", group.get("tags", {})),
            "taints": group.get("taints", []),
        }
        shown = {
            "arn": group["nodegroupArn"],
            "status": group["status"],
            "tagsAll": known["tags"],
            "resources": [],
        }
        return {**inputs, **known, **shown}

    def update(self, identity: str, old: State, new: State) -> None:
        """Changes sizes, labels, taints and the pace of updates in place.

        All three sizes go along where one of them changed, as the official plugin sends them. moto can
        change neither template and version of a group nor its tags. The lab's nodes hold nothing of
        these, so they change in Pulumi's state alone.
        """
        cluster, name, eks = new["clusterName"], new["nodeGroupName"], self.session.client("eks")
        live = self._describe(identity)
        if live is None:
            raise RefusedError(f"eks NodeGroup {name} does not exist any more; refresh the stack")
        sizes = _whole_sizes(new)
        _refuse_out_of_order(name, sizes)
        config = {
            "labels": _labels(live.get("labels", {}), new.get("labels", {})),
            "taints": _taints(live.get("taints", []), new.get("taints", [])),
            "scalingConfig": sizes if sizes != _whole_sizes(old) else None,
            "updateConfig": new.get("updateConfig"),
        }
        given = {key: value for key, value in config.items() if value is not None}
        eks.update_nodegroup_config(clusterName=cluster, nodegroupName=name, **given)

    def delete(self, identity: str, inputs: State) -> None:
        """Deletes the group and waits until it is gone."""
        cluster, _, name = identity.partition(":")
        eks = self.session.client("eks")
        self.session.found(lambda: eks.delete_nodegroup(clusterName=cluster, nodegroupName=name))
        while self._describe(identity) is not None:
            time.sleep(0.2)


def _labels(was: dict[str, str], now: dict[str, str]) -> State:
    return {"addOrUpdateLabels": now, "removeLabels": [key for key in was if key not in now]}


def _taints(was: list[State], now: list[State]) -> State:
    """The change from some taints to others; key and effect together say which taint it is."""
    kept = {(one["key"], one["effect"]) for one in now}
    gone = [one for one in was if (one["key"], one["effect"]) not in kept]
    return {"addOrUpdateTaints": now, "removeTaints": gone}


def _refuse_out_of_order(name: str, sizes: dict[str, int]) -> None:
    """Refuses what EKS refuses and moto takes."""
    least, desired, most = (sizes[key] for key in ("minSize", "desiredSize", "maxSize"))
    if least > desired:
        reason = f"Minimum capacity {least} can't be greater than desired size {desired}"
    elif desired > most:
        reason = f"desired capacity {desired} can't be greater than max size {most}"
    else:
        return
    raise RefusedError(f"eks NodeGroup {name}: InvalidParameterException: {reason}")


def _whole_sizes(inputs: State) -> dict[str, int]:
    return {key: int(value) for key, value in inputs["scalingConfig"].items()}

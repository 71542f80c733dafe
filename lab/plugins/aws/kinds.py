"""The types in use: their properties, what a change of each means, and the calls to AWS."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from lab.plugins.host import RefusedError

if TYPE_CHECKING:
    from lab.plugins.aws.session import Session

State = dict[str, Any]


class Kind(ABC):
    """One type of resource.

    Attributes:
        properties: The inputs that it knows, in the official plugin's spelling.
        required: Those that must be given.
        named_by: The input that holds its name and is made up when left out.
        replaced_by: Inputs whose change needs a new resource.
        computed: Outputs that are unknown before it exists.
    """

    properties: ClassVar[frozenset[str]]
    required: ClassVar[frozenset[str]] = frozenset()
    named_by: ClassVar[str | None] = None
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    computed: ClassVar[frozenset[str]] = frozenset({"arn", "tagsAll"})

    def __init__(self, session: Session) -> None:
        self.session = session

    @abstractmethod
    def create(self, inputs: State) -> str:
        """Creates it and returns its id."""

    @abstractmethod
    def read(self, identity: str, inputs: State) -> State | None:
        """Its outputs; None if it does not exist. Inputs that were given keep their form."""

    @abstractmethod
    def update(self, identity: str, old: State, new: State) -> None:
        """Changes it in place."""

    @abstractmethod
    def delete(self, identity: str, inputs: State) -> None:
        """Deletes it and waits until it is gone; one that is gone is fine."""


class Role(Kind):
    """`aws:iam/role:Role`; its id is its name."""

    properties = frozenset({"assumeRolePolicy", "description", "maxSessionDuration", "name", "path", "tags"})
    required = frozenset({"assumeRolePolicy"})
    named_by = "name"
    replaced_by = frozenset({"name", "path"})

    def create(self, inputs: State) -> str:
        """Creates the role."""
        self.session.client("iam").create_role(
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Path=inputs.get("path", "/"),
            Tags=_pairs(inputs),
        )
        return str(inputs["name"])

    def read(self, identity: str, inputs: State) -> State | None:
        """Reads the role."""
        found = self.session.found(lambda: self.session.client("iam").get_role(RoleName=identity))
        if found is None:
            return None
        role = found["Role"]
        known = {"name": role["RoleName"], "path": role["Path"], "tags": _tags(role.get("Tags", ()))}
        return {**inputs, **known, "arn": role["Arn"], "uniqueId": role["RoleId"], "tagsAll": known["tags"]}

    def update(self, identity: str, old: State, new: State) -> None:
        """Changes trust and tags."""
        iam = self.session.client("iam")
        iam.update_assume_role_policy(RoleName=identity, PolicyDocument=new["assumeRolePolicy"])
        if gone := [key for key in old.get("tags", {}) if key not in new.get("tags", {})]:
            iam.untag_role(RoleName=identity, TagKeys=gone)
        iam.tag_role(RoleName=identity, Tags=_pairs(new))

    def delete(self, identity: str, inputs: State) -> None:
        """Deletes the role."""
        self.session.found(lambda: self.session.client("iam").delete_role(RoleName=identity))


class RolePolicyAttachment(Kind):
    """`aws:iam/rolePolicyAttachment:RolePolicyAttachment`."""

    properties = frozenset({"role", "policyArn"})
    required = properties
    replaced_by = properties
    computed = frozenset()

    def create(self, inputs: State) -> str:
        """Attaches the policy."""
        self.session.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, identity: str, inputs: State) -> State | None:
        """Looks for the policy among the role's."""
        role, _, policy = identity.partition("/")
        found = self.session.found(
            lambda: self.session.client("iam").list_attached_role_policies(RoleName=role)
        )
        attached = found is not None and any(one["PolicyArn"] == policy for one in found["AttachedPolicies"])
        return {**inputs, "role": role, "policyArn": policy} if attached else None

    def update(self, identity: str, old: State, new: State) -> None:
        """Nothing of it can change in place."""

    def delete(self, identity: str, inputs: State) -> None:
        """Detaches the policy."""
        role, _, policy = identity.partition("/")
        self.session.found(
            lambda: self.session.client("iam").detach_role_policy(RoleName=role, PolicyArn=policy)
        )


class LaunchTemplate(Kind):
    """`aws:ec2/launchTemplate:LaunchTemplate`; every change is a new version."""

    properties = frozenset(
        {"blockDeviceMappings", "description", "metadataOptions", "name", "tagSpecifications", "tags"}
        | {"updateDefaultVersion"}
    )
    named_by = "name"
    replaced_by = frozenset({"name"})
    computed = frozenset({"arn", "tagsAll", "latestVersion", "defaultVersion"})

    def create(self, inputs: State) -> str:
        """Creates the template."""
        made = self.session.client("ec2").create_launch_template(
            LaunchTemplateName=inputs["name"], LaunchTemplateData=_template_data(inputs)
        )
        identity = str(made["LaunchTemplate"]["LaunchTemplateId"])
        self.session.client("ec2").create_tags(Resources=[identity], Tags=_pairs(inputs))
        return identity

    def read(self, identity: str, inputs: State) -> State | None:
        """Reads the template."""
        ec2 = self.session.client("ec2")
        found = self.session.found(lambda: ec2.describe_launch_templates(LaunchTemplateIds=[identity]))
        if not found or not found["LaunchTemplates"]:
            return None
        template = found["LaunchTemplates"][0]
        arn = f"arn:aws:ec2:{self.session.region}:{self.session.account}:launch-template/{identity}"
        latest, default = template["LatestVersionNumber"], template["DefaultVersionNumber"]
        known = {"name": template["LaunchTemplateName"], "latestVersion": latest, "defaultVersion": default}
        return {**inputs, **known, "arn": arn, "tagsAll": inputs.get("tags", {})}

    def update(self, identity: str, old: State, new: State) -> None:
        """Adds a version, and makes it the default if asked to."""
        ec2 = self.session.client("ec2")
        if _template_data(old) != _template_data(new):
            made = ec2.create_launch_template_version(
                LaunchTemplateId=identity, LaunchTemplateData=_template_data(new)
            )
            if new.get("updateDefaultVersion"):
                number = str(made["LaunchTemplateVersion"]["VersionNumber"])
                ec2.modify_launch_template(LaunchTemplateId=identity, DefaultVersion=number)
        ec2.create_tags(Resources=[identity], Tags=_pairs(new))

    def delete(self, identity: str, inputs: State) -> None:
        """Deletes the template."""
        self.session.found(
            lambda: self.session.client("ec2").delete_launch_template(LaunchTemplateId=identity)
        )


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
            "tags": group.get("tags", {}),
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
        """Changes sizes, labels, taints and the template's version in place.

        The desired size goes along only where the program changed it: the autoscaler owns it.
        """
        cluster, name, eks = new["clusterName"], new["nodeGroupName"], self.session.client("eks")
        live = self._describe(identity)
        if live is None:
            raise RefusedError(f"eks NodeGroup {name} does not exist any more; refresh the stack")
        sizes = _whole_sizes(new)
        if _whole_sizes(old)["desiredSize"] == sizes["desiredSize"]:
            sizes["desiredSize"] = live["scalingConfig"]["desiredSize"]
        if sizes["minSize"] > sizes["desiredSize"]:
            raise RefusedError(
                f"eks NodeGroup {name}: InvalidParameterException: Minimum capacity {sizes['minSize']}"
                f" can't be greater than desired size {sizes['desiredSize']}"
            )
        # moto replaces taints and labels as a whole only in these two calls' own forms.
        was, now = live.get("labels", {}), new.get("labels", {})
        labels = {"addOrUpdateLabels": now, "removeLabels": [key for key in was if key not in now]}
        taints = {
            "addOrUpdateTaints": new.get("taints", []),
            "removeTaints": [one for one in live.get("taints", []) if one not in new.get("taints", [])],
        }
        eks.update_nodegroup_config(
            clusterName=cluster, nodegroupName=name, labels=labels, taints=taints, scalingConfig=sizes
        )
        if old.get("launchTemplate") != new.get("launchTemplate"):
            eks.update_nodegroup_version(
                clusterName=cluster, nodegroupName=name, launchTemplate=new["launchTemplate"]
            )

    def delete(self, identity: str, inputs: State) -> None:
        """Deletes the group and waits until it is gone."""
        cluster, _, name = identity.partition(":")
        eks = self.session.client("eks")
        self.session.found(lambda: eks.delete_nodegroup(clusterName=cluster, nodegroupName=name))
        while self._describe(identity) is not None:
            time.sleep(0.2)


KINDS: dict[str, type[Kind]] = {
    "aws:iam/role:Role": Role,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": RolePolicyAttachment,
    "aws:ec2/launchTemplate:LaunchTemplate": LaunchTemplate,
    "aws:eks/nodeGroup:NodeGroup": NodeGroup,
}


def _pairs(inputs: State) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in inputs.get("tags", {}).items()]


def _tags(pairs: Any) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _whole_sizes(inputs: State) -> dict[str, int]:
    return {key: int(value) for key, value in inputs["scalingConfig"].items()}


def _template_data(inputs: State) -> State:
    """A template's properties in EC2's spelling."""
    options = inputs.get("metadataOptions", {})
    metadata = {
        "HttpEndpoint": options.get("httpEndpoint"),
        "HttpTokens": options.get("httpTokens"),
        "HttpPutResponseHopLimit": options.get("httpPutResponseHopLimit"),
    }
    return {
        "MetadataOptions": {key: value for key, value in metadata.items() if value is not None},
        "BlockDeviceMappings": [
            {
                "DeviceName": one["deviceName"],
                "Ebs": {
                    "VolumeType": one["ebs"].get("volumeType", "gp3"),
                    "VolumeSize": int(one["ebs"]["volumeSize"]),
                    "Encrypted": one["ebs"].get("encrypted") == "true",
                    "DeleteOnTermination": one["ebs"].get("deleteOnTermination") != "false",
                },
            }
            for one in inputs.get("blockDeviceMappings", ())
        ],
        "TagSpecifications": [
            {"ResourceType": one["resourceType"], "Tags": _pairs(one)}
            for one in inputs.get("tagSpecifications", ())
        ],
    }

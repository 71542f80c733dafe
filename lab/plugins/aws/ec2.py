"""Launch templates."""

from __future__ import annotations

from lab.plugins.aws.kind import Kind, State, tag_pairs


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
        self.session.client("ec2").create_tags(Resources=[identity], Tags=tag_pairs(inputs))
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
        ec2.create_tags(Resources=[identity], Tags=tag_pairs(new))

    def delete(self, identity: str, inputs: State) -> None:
        """Deletes the template."""
        self.session.found(
            lambda: self.session.client("ec2").delete_launch_template(LaunchTemplateId=identity)
        )


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
            {"ResourceType": one["resourceType"], "Tags": tag_pairs(one)}
            for one in inputs.get("tagSpecifications", ())
        ],
    }

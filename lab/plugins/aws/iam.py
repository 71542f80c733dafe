"""Roles and their policies."""

from __future__ import annotations

from typing import Any

from lab.plugins.aws.kind import Kind, State, tag_pairs


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
            Tags=tag_pairs(inputs),
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
        iam.tag_role(RoleName=identity, Tags=tag_pairs(new))

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


def _tags(pairs: Any) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}

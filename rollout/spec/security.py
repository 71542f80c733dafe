"""What a container may do, in Kubernetes' words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from rollout.spec import patterns as forms
from rollout.spec.model import Strict


def _own_name(capability: str) -> str:
    # Runtimes put the prefix before it themselves; with it the API server refuses CAP_SYS_ADMIN, and no container
    # starts with another.
    if capability.startswith("CAP_"):
        raise ValueError(f"{capability}: write it without CAP_: {capability.removeprefix('CAP_')}")
    return capability


Capability = Annotated[str, Field(pattern=forms.CAPABILITY), AfterValidator(_own_name)]


class Capabilities(Strict):
    """Rights of root, by their names without `CAP_`.

    Attributes:
        add: Those that it gets.
        drop: Those that are taken away; `ALL` for all.
    """

    add: Annotated[tuple[Capability, ...], Field(strict=False)] | None = None
    drop: Annotated[tuple[Capability, ...], Field(strict=False)] | None = None


class SeccompProfile(Strict):
    """What a container may ask of the kernel.

    Attributes:
        type: `RuntimeDefault`, `Localhost` or `Unconfined`.
        localhost_profile: The profile's file on the node, for `Localhost`.
    """

    type: Literal["RuntimeDefault", "Localhost", "Unconfined"]
    localhost_profile: Annotated[str, Field(pattern=forms.PROFILE, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _file_where_it_is_asked_for(self) -> SeccompProfile:
        if (self.localhost_profile is not None) != (self.type == "Localhost"):
            raise ValueError("localhostProfile goes with the type Localhost, and with no other")
        return self


class SecurityContext(Strict):
    """What a container may do, in Kubernetes' words; enough for Pod Security's `restricted`.

    Attributes:
        allow_privilege_escalation: Whether it may gain rights; left out: it may not.
        capabilities: What of root's rights it has.
        read_only_root_filesystem: Whether its root is read-only.
        run_as_non_root: Whether it must not run as root.
        run_as_user: The user's number.
        run_as_group: The group's number.
        seccomp_profile: What it may ask of the kernel; left out: the pod's, `RuntimeDefault`.
    """

    allow_privilege_escalation: bool | None = None
    capabilities: Capabilities | None = None
    read_only_root_filesystem: bool | None = None
    run_as_non_root: bool | None = None
    run_as_user: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    run_as_group: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    seccomp_profile: SeccompProfile | None = None

    @model_validator(mode="after")
    def _no_root_that_is_not(self) -> SecurityContext:
        if self.run_as_non_root and self.run_as_user == 0:
            raise ValueError(
                "runAsNonRoot and runAsUser 0 (root) exclude each other; the kubelet starts no such container"
            )
        return self

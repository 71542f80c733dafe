"""Objects as a program declares them and as a state holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from rollout.diff.values import differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rollout.diff.values import Difference

OURS: Final = ("kubernetes:", "aws:", "pulumi:providers:kubernetes")
"""How the types of what is compared begin."""

NEVER_COMPARED: Final = {"NodeGroup": ("launchTemplate", "scalingConfig.desiredSize")}
"""Inputs that follow from what only AWS knows: the version of a template, whose own inputs are compared, and
the live number of nodes."""


@dataclass(frozen=True)
class Object:
    """One object.

    Attributes:
        urn: Its name in Pulumi's state.
        parent: The URN of the component that it belongs to.
        inputs: What it is made from.
        ignored: Paths of inputs that somebody else owns once it exists.
        protect: Whether it refuses to be deleted.
    """

    urn: str
    parent: str
    inputs: Mapping[str, Any] = field(hash=False)
    ignored: tuple[str, ...] = ()
    protect: bool = False

    @cached_property
    def name(self) -> str:
        """Its name in the program."""
        return self.urn.rsplit("::", 1)[1]

    @cached_property
    def type(self) -> str:
        """Its token (`kubernetes:apps/v1:Deployment`)."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return self.type.rsplit(":", 1)[1]

    @property
    def namespace(self) -> str:
        """Where it lives; empty for what lives in none."""
        metadata = self.inputs.get("metadata")
        return str(metadata.get("namespace") or "") if isinstance(metadata, Mapping) else ""

    @property
    def full_name(self) -> str:
        """`Deployment auth/auth-api`."""
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def in_kubernetes(self) -> bool:
        """Whether it is an object of the cluster."""
        return self.type.startswith("kubernetes:")

    @property
    def owner(self) -> str:
        """The service, the domain or the cluster that it belongs to."""
        return self.parent.rsplit("::", 1)[-1]

    @property
    def of_a_service(self) -> bool:
        """Whether that is a service."""
        return self.parent.split("::")[-2].endswith(":CanaryService") if "::" in self.parent else False

    def __str__(self) -> str:
        """`Deployment auth-api`, `node group auth`, `namespace chat`."""
        words = {"NodeGroup": "node group", "LaunchTemplate": "launch template", "Namespace": "namespace"}
        return f"{words.get(self.kind, self.kind)} {self.name}"


def of_state(resources: Iterable[Mapping[str, Any]]) -> Iterator[Object]:
    """The objects that a state holds, without those that are to go anyway.

    Args:
        resources: Its resources, as the state writes them.
    """
    for one in resources:
        if str(one["type"]).startswith(OURS) and not one.get("delete") and "inputs" in one:
            yield Object(
                urn=one["urn"],
                parent=one.get("parent", ""),
                inputs=one["inputs"],
                protect=bool(one.get("protect")),
            )


def compared(before: Object, after: Object) -> tuple[Difference, ...]:
    """Where what is declared of an object differs from what the state holds of it.

    Of resources of AWS only what is declared is compared: their plugin writes defaults beside it. What an
    owner elsewhere decides is left out, and so is what is known only once something exists (`<id of auth>`).
    """
    out = (*after.ignored, *NEVER_COMPARED.get(after.kind, ()))
    found = differences(before.inputs, after.inputs, whole=after.in_kubernetes)
    return tuple(
        one for one in found if not any(one.path == path or one.path.startswith(f"{path}.") for path in out)
    )

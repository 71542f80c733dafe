"""Objects as a program declares them and as a state holds them, and where the two differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OURS: Final = ("kubernetes:", "aws:", "pulumi:providers:kubernetes")
"""How the types of what is compared begin."""

NEVER_COMPARED: Final = {"NodeGroup": ("launchTemplate", "scalingConfig.desiredSize")}
"""Inputs that follow from what only AWS knows: the version of a template, whose own inputs are compared, and
the live number of nodes."""

SPARSE: Final = (".annotations", ".labels")
"""Left out where they are empty, and told by their keys."""

LONGEST: Final = 120
"""The most characters of an old and a new value that words repeat."""


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


@dataclass(frozen=True)
class Difference:
    """One place where two objects differ.

    Attributes:
        path: Keys with dots between; elements of a list by name or position: `containers[auth-api].image`.
        old: What stood there; None for nothing.
        new: What stands there now.
    """

    path: str
    old: Any
    new: Any

    def words(self, name: str) -> str:
        """What changes, under a name: `maxReplicas 2 → 3`."""
        if self.old is None or self.new is None:
            return f"{name} is {'new' if self.old is None else 'gone'}"
        old, new = _plain(self.old), _plain(self.new)
        return f"{name} {old} → {new}" if old and new and len(old + new) <= LONGEST else f"{name} changed"


def compared(before: Object, after: Object) -> tuple[Difference, ...]:
    """Where what is declared of an object differs from what the state holds of it.

    Of resources of AWS only what is declared is compared: their plugin writes defaults beside it. What an
    owner elsewhere decides is left out, and so is what is known only once something exists (`<id of auth>`).
    """
    out = (*after.ignored, *NEVER_COMPARED.get(after.kind, ()))
    found = _differences(before.inputs, after.inputs, "", whole=after.in_kubernetes)
    return tuple(
        one for one in found if not any(one.path == path or one.path.startswith(f"{path}.") for path in out)
    )


def different(before: Any, after: Any) -> tuple[Difference, ...]:
    """Where two values differ."""
    return tuple(_differences(before, after, "", whole=True))


def grouped(found: Iterable[Difference], prefix: str = "") -> tuple[str, ...]:
    """Differences in words, those under one key as one: `maxReplicas 2 → 3`, `readinessProbe changed`.

    Args:
        found: The differences.
        prefix: What all of their paths begin with, and words leave out.
    """
    by_head: dict[str, list[Difference]] = {}
    for one in found:
        head = one.path.removeprefix(prefix).removeprefix("spec.").split(".", 1)[0].split("[", 1)[0]
        by_head.setdefault(head, []).append(one)
    return tuple(
        group[0].words(group[0].path.removeprefix(prefix).removeprefix("spec."))
        if len(group) == 1
        else f"{head} changed"
        for head, group in by_head.items()
    )


def _differences(before: Any, after: Any, path: str, *, whole: bool) -> Iterator[Difference]:
    if _unknown(after) or before == after:
        return
    if path.endswith(SPARSE):
        before, after = before or {}, after or {}
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*after, *(key for key in before if whole and key not in after)]:
            yield from _differences(
                before.get(key), after.get(key), f"{path}.{key}" if path else str(key), whole=whole
            )
        return
    old, new = by_name(before), by_name(after)
    if old is not None and new is not None:
        for key in [*new, *(key for key in old if key not in new)]:
            yield from _differences(old.get(key), new.get(key), f"{path}[{key}]", whole=whole)
        if old.keys() == new.keys() and list(old) != list(new):
            yield Difference(path, list(old), list(new))
        return
    yield Difference(path, before, after)


def _plain(value: Any) -> str:
    """A value as a person would write it; empty for one that has parts of its own."""
    if isinstance(value, (list, tuple)):
        parts = [_plain(one) for one in value]
        return ", ".join(parts) if all(parts) else ""
    return "" if isinstance(value, Mapping) else str(value)


def by_name(value: Any) -> dict[str, Any] | None:
    """A list by its elements' names or positions; None for no list of mappings."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    if not value or not all(isinstance(one, Mapping) for one in value):
        return None
    names = [str(one.get("name")) for one in value]
    if None in [one.get("name") for one in value] or len(set(names)) != len(names):
        names = [str(place) for place in range(len(value))]
    return dict(zip(names, value, strict=True))


def _unknown(value: Any) -> bool:
    """Whether a value is one of those that stand for what is known only once something exists."""
    if isinstance(value, str):
        return value.startswith("<") and value.endswith(">")
    return isinstance(value, (list, tuple)) and any(isinstance(one, str) and _unknown(one) for one in value)

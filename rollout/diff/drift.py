"""Drift: where an object in the cluster is not what the last update left of it.

The state tells which objects there must be, so there is no second list of them to keep in step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rollout.diff.pods import TEMPLATE, because
from rollout.diff.values import Difference, grouped, lacking
from rollout.traffic.names import canary_name
from rollout.traffic.strip import without_split
from rollout.traffic.versions import CANARY_SUBSET, FALLBACK_SUBSET, STABLE_SUBSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rollout.diff.objects import Object

IMAGE: Final = ".image"
REVISION: Final = "spec.template.metadata.annotations"


@dataclass(frozen=True)
class Drift:
    """One object that is missing, or is otherwise.

    Attributes:
        kind: `DestinationRule`.
        name: Its name.
        missing: Whether the cluster does not have it.
        found: Where it differs: the state's value, and the cluster's.
    """

    kind: str
    name: str
    missing: bool = False
    found: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        """`no HorizontalPodAutoscaler auth-api`, `Service auth-api is not as applied: ports gone`."""
        if self.missing:
            return f"no {self.kind} {self.name}"
        pods = because(self.found, images=True)
        rest = grouped(one for one in self.found if not one.path.startswith(TEMPLATE))
        return f"{self.kind} {self.name} is not as applied: {', '.join((*pods, *rest))}"

    @property
    def lost_subsets(self) -> tuple[str, ...]:
        """The subsets to which nobody can send any more; all of them where the DestinationRule is missing."""
        if self.kind != "DestinationRule":
            return ()
        subsets = (STABLE_SUBSET, CANARY_SUBSET, FALLBACK_SUBSET)
        gone = {one.path for one in self.found if one.new is None}
        return tuple(one for one in subsets if self.missing or f"spec.subsets[{one}]" in gone)


def drift(wanted: Iterable[Object], live: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> list[Drift]:
    """Compares objects of the state with those of the cluster.

    What a rollout changes of them is left out, since a status tells it in its own words: images, numbers of pods,
    the split of the traffic. So is what the cluster adds: defaults, addresses, marks of operators.

    Args:
        wanted: What the state holds.
        live: What the cluster has, by kind, namespace and name.
    """
    found = []
    for one in wanted:
        there = live.get((one.kind, one.namespace, one.name))
        if there is None:
            found.append(Drift(one.kind, one.name, missing=True))
        elif different := tuple(_told_nowhere_else(one, there)):
            found.append(Drift(one.kind, one.name, found=different))
    return found


def _told_nowhere_else(one: Object, there: Mapping[str, Any]) -> Iterator[Difference]:
    sides = (one.inputs, there)
    if one.kind == "VirtualService":
        sides = (without_split(one.inputs), without_split(there))
    follows_rollout = one.name in (one.owner, canary_name(one.owner))
    out = ["spec.replicas", *(["spec.selector"] if one.kind == "Service" and follows_rollout else [])]
    for different in lacking(sides[0].get("spec"), sides[1].get("spec"), "spec"):
        image = different.path.endswith(IMAGE) or different.path.startswith(REVISION)
        if different.path not in out and not (image and follows_rollout):
            yield different

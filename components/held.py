"""What an abort leaves of a service: all that is neither its canary nor what brings that one traffic.

In the middle of an incident nobody has approved what waits in the checkout: a port, a route or a variable of it
may take stable down. Most is held by `ignore_changes`, which counts in the engine's retries, too. Istio's objects
cannot be, since the canary is somewhere in them: they are what the state has of them, without the canary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.kubernetes_objects import BUILT_IN, CUSTOM
from rollout.fields import present
from rollout.plan import state
from rollout.spec.image import REVISION_ANNOTATION
from rollout.traffic.strip import without_canary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from components.platform import Platform
    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.workload import Workload

LABELS: Final = "metadata.labels"
ANNOTATIONS: Final = "spec.template.metadata.annotations"
LOCALITY: Final = "localityLbSetting"
WHOLE: Final = (LABELS, "metadata.annotations", "spec")
"""The paths of an object that stays as it is.

Not all of `metadata`: after an update that failed the plugin sends the live value of what is ignored, and the
server refuses the `managedFields` among it."""

MOVES: Final = {
    # Their specs are written from the state: see `HeldService.route` and `HeldService.rule`.
    "VirtualService": (LABELS,),
    "DestinationRule": (LABELS,),
    # Without routes its selector is the route.
    "Service": (LABELS, "spec.ports"),
    # Frozen while a canary has weight (rule 10), it may shrink again.
    "HorizontalPodAutoscaler": (
        LABELS,
        "metadata.annotations",
        "spec.scaleTargetRef",
        "spec.minReplicas",
        "spec.maxReplicas",
        "spec.metrics",
    ),
    "ScaledObject": (
        LABELS,
        "metadata.annotations",
        "spec.scaleTargetRef",
        "spec.minReplicaCount",
        "spec.maxReplicaCount",
        "spec.pollingInterval",
        "spec.cooldownPeriod",
        "spec.triggers",
        "spec.fallback",
    ),
}
"""The paths that stay of an object of which an abort changes the rest, by kind."""
ALL: Final[dict[str, tuple[str, ...]]] = dict.fromkeys((*BUILT_IN, *CUSTOM), WHOLE)
"""The paths of all objects that stay as they are, by kind."""


IMAGE: Final = {
    "template": {
        "metadata": {"annotations": {REVISION_ANNOTATION: None}},
        "spec": {"containers": {"image": None}},
    }
}
"""Where the spec of a Deployment says what its pods run."""


@dataclass(frozen=True)
class HeldService:
    """What stays of one service in one update.

    Attributes:
        plan: What the update makes true.
        platform: Where the service runs, and what the update holds.
        in_state: The name in the state of an object with some name in the cluster.
    """

    plan: RolloutPlan
    platform: Platform
    in_state: Callable[[str], str]

    @property
    def fixed(self) -> dict[str, tuple[str, ...]]:
        """The paths that stay of what no way back changes, by kind."""
        return ALL if self.plan.name in self.platform.args.held else {}

    @property
    def moves(self) -> dict[str, tuple[str, ...]]:
        """The paths that stay of what a way back changes, by kind."""
        return MOVES if self.fixed and self.plan.canary is None else {}

    def restores(self, name: str) -> bool:
        """Whether stable or a companion gets back the image of the last update that succeeded.

        Only where a promotion that failed has changed it. Below a place in a list, to ignore a path holds what the
        state was asked for and not what runs, so a change that failed otherwise would be rolled back with it.

        Args:
            name: Its name in the cluster.
        """
        if not self.moves or self.plan.stable.image != self.plan.last_stable:
            return False
        spec = self._written(state.DEPLOYMENT, name)
        return state.image_of({"spec": spec}) not in (None, self.plan.last_stable)

    def route(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """The spec of a VirtualService: what the state has of it, without the canary.

        Args:
            name: Its name in the cluster.
            spec: The spec that the checkout asks for, which makes anew what is not there.
        """
        before = self._written(state.ROUTES, name) if self.moves else None
        return dict(without_canary({"spec": before})["spec"]) if before else spec

    def rule(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """The spec of the DestinationRule of a service without routes: nobody's pods come first (rule 19).

        Args:
            name: Its name in the cluster.
            spec: The spec that the checkout asks for.
        """
        before = self._written(state.SUBSETS, name) if self.moves else None
        if not before:
            return spec
        policy = before.get("trafficPolicy") or {}
        balancer = {key: one for key, one in (policy.get("loadBalancer") or {}).items() if key != LOCALITY}
        return before | {"trafficPolicy": present(**policy | {"loadBalancer": balancer})}

    def autoscalers(self, name: str, wanted: str) -> dict[str, dict[str, Any]] | None:
        """Stable's autoscaler where the checkout has another one: what the state has, by kind; None where it has not.

        Args:
            name: Stable's name in the cluster.
            wanted: The kind that the checkout asks for; empty: none.
        """
        # Without outputs of an update nothing is known of the state, and all of it would be taken away.
        if not self.moves or not self.platform.resources or f"{wanted}/{name}" in self.platform.args.anew:
            return None
        found = {kind: self._written(token, name) for kind, token in state.AUTOSCALERS.items()}
        there = {kind: spec for kind, spec in found.items() if spec}
        return None if there.keys() == {wanted} - {""} else there

    def there(self, companions: Mapping[str, Workload]) -> Mapping[str, Workload]:
        """The companions that are to be declared: where all else is held, those that the state has.

        Another one waits in the checkout. It is no target, so it would not be made, and the engine would refuse all
        that depends on it.

        Args:
            companions: Those of the checkout, by name.
        """
        if not self.fixed or not self.platform.resources:
            return companions
        return {
            name: one for name, one in companions.items() if self._written(state.DEPLOYMENT, name) is not None
        }

    def all_but_the_image(self, name: str, spec: dict[str, Any]) -> tuple[str, ...]:
        """The paths that stay of a Deployment which gets back its image and revision alone.

        Args:
            name: Its name in the cluster.
            spec: Its spec that the checkout asks for. Pods get annotations, if only none, where the state has some:
                to the engine a path below what is not there is an error.
        """
        # What the checkout takes away stays, too.
        before = self._written(state.DEPLOYMENT, name)
        paths = tuple(_others("spec", IMAGE, spec, before))
        if any(path.startswith(ANNOTATIONS) for path in paths):
            spec["template"]["metadata"].setdefault("annotations", {})
        return (LABELS, "metadata.annotations", *paths)

    def _written(self, token: str, name: str) -> dict[str, Any] | None:
        """The spec of an object in the state, by its type there and its name in the cluster."""
        return state.spec_of(self.platform.resources, token, self.in_state(name))


def _others(path: str, changes: Mapping[str, Any], *found: Any) -> Iterator[str]:
    """The paths below one, without those that change."""
    found = tuple(one for one in found if isinstance(one, dict))
    for key in sorted({key for one in found for key in one}):
        if key not in changes:
            yield f"{path}.{key}" if key.isalnum() else f'{path}["{key}"]'
        elif changes[key] is not None:
            yield from _below(f"{path}.{key}", changes[key], [one.get(key) for one in found])


def _below(path: str, changes: Mapping[str, Any], found: list[Any]) -> Iterator[str]:
    # A pod has one container, and a place in a list can be neither added nor taken away.
    if any(isinstance(one, list) for one in found):
        return _others(f"{path}[0]", changes, *(one[0] for one in found if one))
    return _others(path, changes, *found)

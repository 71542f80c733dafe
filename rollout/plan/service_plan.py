"""The plan of one service: what runs, what gets which traffic, and in which order it changes.

This is the one place where a rollout is decided. `components` builds what the plan says. The weight of a phase is its
rung of the ladder, or what the stack's file says instead: `RolloutSettings.effective_weight`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.plan.keeping import forgets, kept_by
from rollout.plan.order import STAGES, Order, direction
from rollout.plan.prior import PodCounts, Prior
from rollout.plan.replicas import Scaling, canary_replicas, canary_scaling, share, stable_scaling
from rollout.traffic.selector import selected_at
from rollout.traffic.split import Split
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.spec.image import Image
    from rollout.spec.services import Wanted
    from rollout.traffic.kept import Kept
    from rollout.traffic.versions import Version


@dataclass(frozen=True)
class Release:
    """One of the two Deployments of a service.

    Attributes:
        image: What it runs.
        version: Label `version` of its pods; never changes for this Deployment.
        replicas: Pods by plan; the floor where an autoscaler owns the number.
        scaling: Its autoscaler; None without one.
        queues: What a worker reads.
    """

    image: Image
    version: Version
    replicas: int
    scaling: Scaling | None
    queues: tuple[str, ...]

    @property
    def is_canary(self) -> bool:
        """Whether this is the canary."""
        return self.version == CANARY_VERSION


@dataclass(frozen=True)
class RolloutPlan:
    """Everything that an update makes true for one service.

    Attributes:
        name: The service.
        phase: Its phase.
        ladder: The weights that its phases stand on.
        weight: Traffic without the header that routes send to the canary, in per cent.
        share: The same as it really is, where pods and not routes decide.
        header_route: Whether the header reaches the canary.
        stable: The stable Deployment.
        canary: The canary Deployment; None at phase 0.
        service_version: For a service without routes: the version that its Service is pinned to;
            None selects both.
        order: What waits for what in this update.
        route_propagation_seconds: The pause between routes and a canary that shrinks.
        warnings: What a person should know.
        kept: Which users keep the version that they met; None where none ever did.
        last_stable: What stable ran after the last update that succeeded; None before the first.
    """

    name: str
    phase: int
    ladder: tuple[int, ...]
    weight: int
    share: float
    header_route: bool
    stable: Release
    canary: Release | None
    service_version: Version | None
    order: Order
    route_propagation_seconds: int
    warnings: tuple[str, ...]
    kept: Kept | None = None
    last_stable: Image | None = None

    @property
    def split(self) -> Split:
        """What its VirtualServices say."""
        return Split(self.weight, self.header_route)

    @property
    def leaves(self) -> Prior:
        """What the next update finds, where this one succeeds."""
        canary = self.canary
        return Prior(
            phase=self.phase,
            weight=self.weight,
            stable_image=self.stable.image,
            canary_image=canary.image if canary else None,
            share=self.share,
            ladder=self.ladder,
            pods=PodCounts(self.stable.replicas, canary.replicas if canary else 0),
        )

    def output(self) -> dict[str, Any]:
        """The service's entry in the stack output `rollouts`."""
        return self.leaves.output()


def plan(wanted: Wanted, prior: Prior | None) -> RolloutPlan:
    """Plans one service.

    Args:
        wanted: The service as the stack's config asks for it.
        prior: What the last update left; None before the first.
    """
    rollout = wanted.rollout
    phase, weight = rollout.phase, rollout.effective_weight
    queues = wanted.service.queues
    stable = Release(
        wanted.stable, STABLE_VERSION, wanted.stable_replicas, stable_scaling(wanted, weight), queues
    )
    canary = None
    if phase:
        replicas = canary_replicas(wanted, weight)
        canary = Release(
            wanted.canary,
            CANARY_VERSION,
            replicas,
            canary_scaling(wanted, weight, replicas),
            # With weight a canary takes its share of the real work, so queues of its own end there.
            queues if weight else rollout.canary.queues or queues,
        )
    way = direction(phase, weight, wanted.stable, prior)
    before = prior.kept if prior else None
    kept = kept_by(wanted, weight, before)
    actual = share(wanted, weight, canary.replicas if canary else 0)
    return RolloutPlan(
        name=wanted.name,
        phase=phase,
        ladder=rollout.steps.weights,
        weight=weight,
        share=actual,
        header_route=phase > 0 and wanted.service.by_weight,
        stable=stable,
        canary=canary,
        service_version=service_version(wanted, weight),
        order=Order(way, STAGES[way]),
        route_propagation_seconds=wanted.route_propagation_seconds,
        warnings=(*_warnings(wanted, weight, actual), *_forgotten(wanted.name, weight, kept, before)),
        kept=kept,
        last_stable=prior.stable_image if prior else None,
    )


def service_version(wanted: Wanted, weight: int) -> Version | None:
    """Rule 5: without routes the Service's own selector keeps traffic off a canary without weight."""
    service = wanted.service
    return selected_at(weight, falls_back=service.falls_back) if service.by_selector else None


def _warnings(wanted: Wanted, weight: int, actual: float) -> tuple[str, ...]:
    found = []
    if actual != weight:
        pods = f"{wanted.stable_replicas} of stable"
        found.append(
            f"{wanted.name}: pods decide the share, beside {pods}: {actual:g} % instead of {weight} %"
        )
    if wanted.rollout.phase and wanted.canary == wanted.stable:
        # The default tag of a canary becomes stable's at a promotion, and the next push to it reaches both.
        same = f"stable and canary both run {wanted.stable}, so a rollout of it proves nothing"
        found.append(f"{wanted.name}: {same}; give the canary another tag, a digest or a revision")
    return tuple(found)


def _forgotten(name: str, weight: int, kept: Kept | None, before: Kept | None) -> Iterator[str]:
    if weight and forgets(kept, before):
        why = "its weight falls, or the canary's image or the cookie is another one"
        yield f"{name}: users who kept the canary are routed anew: {why}"

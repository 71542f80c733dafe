"""The plan of one service: what runs, what gets which traffic, and in which order it changes.

This is the one place where a rollout is decided. `components` builds what the plan says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rollout.ladder import FULL_WEIGHT
from rollout.order import STAGES, Order, direction
from rollout.sizes import Scaling, canary_replicas, canary_scaling, share, stable_scaling

if TYPE_CHECKING:
    from rollout.images import Image
    from rollout.prior import Prior
    from rollout.services import Wanted

Version = Literal["v1", "v2"]
STABLE_VERSION: Version = "v1"
CANARY_VERSION: Version = "v2"


@dataclass(frozen=True)
class Release:
    """One of the two Deployments of a service.

    Attributes:
        image: What it runs.
        version: Label `version` of its pods; never changes for this Deployment.
        replicas: Pods by plan; the floor where an autoscaler owns the number.
        scaling: Its autoscaler; None without one.
        queues: What a worker reads.
        keeps_replicas: Whether an update leaves its number of pods as it is: the plan wants what it
            wanted before, and an autoscaler may have changed it since.
    """

    image: Image
    version: Version
    replicas: int
    scaling: Scaling | None
    queues: tuple[str, ...]
    keeps_replicas: bool = False

    @property
    def is_canary(self) -> bool:
        """Whether this is the canary."""
        return self.version == CANARY_VERSION


@dataclass(frozen=True)
class RolloutPlan:
    """Everything that an update makes true for one service.

    Attributes:
        name: The service.
        phase: Its phase, and `phase_name` in words.
        phase_name: `off`, `header` or the phase's weight.
        ladder: The weights that its phases stand on.
        weight: Traffic without the header that routes send to the canary, in per cent.
        share: The same as it really is, where pods and not routes decide.
        header_route: Whether the header reaches the canary.
        stable: The stable Deployment.
        canary: The canary Deployment; None at phase 0.
        service_version: For a service without routes: the version that its Service is pinned to;
            None selects both.
        order: What waits for what in this update.
        drain_seconds: The pause between routes and a canary that shrinks.
        warnings: What a person should know.
    """

    name: str
    phase: int
    phase_name: str
    ladder: tuple[int, ...]
    weight: int
    share: float
    header_route: bool
    stable: Release
    canary: Release | None
    service_version: Version | None
    order: Order
    drain_seconds: int
    warnings: tuple[str, ...]

    @property
    def stable_weight(self) -> int:
        """The other part of the weight; both make 100."""
        return FULL_WEIGHT - self.weight

    def output(self) -> dict[str, Any]:
        """The service's entry in the stack output `rollouts`; the next update's `Prior`."""
        canary = self.canary
        return {
            "phase": self.phase,
            "phaseName": self.phase_name,
            "ladder": list(self.ladder),
            "weight": self.weight,
            "share": self.share,
            "images": {"stable": str(self.stable.image), "canary": str(canary.image) if canary else None},
            "replicas": {"stable": self.stable.replicas, "canary": canary.replicas if canary else 0},
        }


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
        scaling = canary_scaling(wanted, weight, replicas)
        canary = Release(
            wanted.canary,
            CANARY_VERSION,
            replicas,
            scaling,
            # With weight a canary takes its share of the real work, so queues of its own end there.
            queues if weight else rollout.canary.queues or queues,
            keeps_replicas=scaling is not None and _had(prior, replicas),
        )
    way = direction(phase, weight, str(wanted.stable), prior)
    actual = share(wanted, weight, canary.replicas if canary else 0)
    return RolloutPlan(
        name=wanted.name,
        phase=phase,
        phase_name=rollout.steps.name(phase),
        ladder=rollout.steps.weights,
        weight=weight,
        share=actual,
        header_route=phase > 0 and wanted.service.by_weight,
        stable=stable,
        canary=canary,
        service_version=_service_version(wanted, weight),
        order=Order(way, STAGES[way]),
        drain_seconds=wanted.drain_seconds,
        warnings=_warnings(wanted, weight, actual),
    )


def _had(prior: Prior | None, replicas: int) -> bool:
    """Whether the last update gave the canary so many pods, and none that failed has touched it since.

    A retreat that failed moved routes before it took pods away, so routes tell.
    """
    if prior is None or prior.pods is None:
        return False
    lowest, highest = prior.weights
    return lowest == highest and prior.pods.canary == replicas


def _service_version(wanted: Wanted, weight: int) -> Version | None:
    """Rule 5: without routes the Service's own selector keeps traffic off a canary without weight.

    At full weight it selects the canary alone, so that phase 5 means the same everywhere.
    """
    if wanted.service.kind != "grpc":
        return None
    return {0: STABLE_VERSION, FULL_WEIGHT: CANARY_VERSION}.get(weight)


def _warnings(wanted: Wanted, weight: int, actual: float) -> tuple[str, ...]:
    if actual == weight:
        return ()
    pods = f"{wanted.stable_replicas} of stable"
    return (f"{wanted.name}: pods decide the share, beside {pods}: {actual:g} % instead of {weight} %",)

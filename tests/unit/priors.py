"""What an update left, with the least that a test must say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.plan.prior import PodCounts, Prior
from rollout.traffic.ladder import LADDERS

if TYPE_CHECKING:
    from rollout.spec.image import Image


def prior(phase: int, weight: int, stable: Image, canary: Image | None, **more: Any) -> Prior:
    """One pod of stable and one of a canary, on the ladder that is the default."""
    pods = PodCounts(1, 1 if phase else 0)
    usual = {"share": float(weight), "ladder": LADDERS["canary"].weights, "pods": pods}
    return Prior(phase, weight, stable, canary, **(usual | more))


def entry(phase: int, weight: int, stable: str, canary: str | None, **more: Any) -> dict[str, Any]:
    """The same as a stack's outputs have it."""
    said: dict[str, Any] = {
        "phase": phase,
        "weight": weight,
        "share": weight,
        "ladder": list(LADDERS["canary"].weights),
        "images": {"stable": stable, "canary": canary},
        "replicas": {"stable": 1, "canary": 1 if canary else 0},
    }
    return said | more

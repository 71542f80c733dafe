"""What the stack's last update left, read from its own state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.applied import Routes

LEFT_VARIABLE = "ECO2_ROUTES_LEFT_AT"
"""The environment variable with the time at which an abort took canaries out of all routes,
in seconds since the epoch."""

ONLY_VARIABLE = "ECO2_ONLY"
"""The environment variable that tells the program which services an update with targets is about: the
process that started the update, a colon, and their names with commas between (`4711:auth-api,my-api`).
That process chose the targets. A variable that outlived it is refused: without targets, an update that
declares these services alone would take all others away."""


@dataclass(frozen=True)
class Pods:
    """How many pods the two Deployments of a service have by plan."""

    stable: int
    canary: int


@dataclass(frozen=True)
class Prior:
    """One service after the last update that succeeded.

    Attributes:
        phase: Its phase.
        weight: The weight on its canary in per cent.
        stable_image: Image and revision of stable.
        canary_image: Image and revision of the canary; None without one.
        share: What the canary really got of the traffic in per cent.
        ladder: The weights of its ladder; None where the outputs are older than this entry.
        pods: Pods of stable and of the canary by plan; None where the outputs do not tell.
        routes: What its routes say, which an update that failed may have moved since; None where
            that is not known.
    """

    phase: int
    weight: int
    stable_image: str
    canary_image: str | None
    share: float | None = None
    ladder: tuple[int, ...] | None = None
    pods: Pods | None = None
    routes: Routes | None = None

    @property
    def stands_at(self) -> tuple[int, bool]:
        """The weight that the routes have, and whether any of them leads to the canary."""
        if self.routes is None:
            return self.weight, self.phase > 0
        return self.routes.weight, self.routes.header or self.routes.weight > 0

    @property
    def weights(self) -> tuple[int, int]:
        """The lowest and the highest weight that may be what users meet.

        They differ after an update that failed; then guards take whichever is more careful.
        """
        now = self.stands_at[0]
        return min(self.weight, now), max(self.weight, now)

    @property
    def carries_everything(self) -> bool:
        """Whether the canary had all the traffic."""
        return self.weights[1] == FULL_WEIGHT and self.canary_image is not None


def read_prior(outputs: Mapping[str, Any], routes: Mapping[str, Routes] | None = None) -> dict[str, Prior]:
    """Reads the `rollouts` output.

    Args:
        outputs: The outputs of the stack; empty before its first update.
        routes: What the routes in its state say, by service; None where the state is not known.

    Returns:
        The services that the outputs describe. An entry of another shape, written by a
        program of another age, is left out: such a service is treated as new, which waits
        for every pod before it moves a route.
    """
    rollouts = outputs.get("rollouts")
    found: dict[str, Prior] = {}
    for name, entry in rollouts.items() if isinstance(rollouts, dict) else ():
        try:
            ladder, replicas = entry.get("ladder"), entry.get("replicas")
            found[name] = Prior(
                phase=int(entry["phase"]),
                weight=int(entry["weight"]),
                stable_image=str(entry["images"]["stable"]),
                canary_image=entry["images"].get("canary"),
                share=float(entry.get("share", entry["weight"])),
                ladder=None if ladder is None else tuple(int(weight) for weight in ladder),
                pods=Pods(int(replicas["stable"]), int(replicas["canary"])) if replicas else None,
                routes=(routes or {}).get(name),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def merged(
    planned: Mapping[str, Any], last: Mapping[str, Any] | None, only: Collection[str]
) -> dict[str, Any]:
    """An output of the stack by service, where an update may leave services alone.

    Args:
        planned: What the plans say of each service.
        last: The same output of the last update.
        only: The services that this update is about; empty: all.

    Returns:
        The plans' entries for those, and the last update's for the others, so that outputs never
        claim what was not done: a service that was never brought up stays out.
    """
    before = last or {}
    return {
        name: before[name] if only and name not in only else entry
        for name, entry in planned.items()
        if not only or name in only or name in before
    }

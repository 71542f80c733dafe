"""What the stack's last update left of each service: the stack output `rollouts`, as it is written and as it is read.

Who fetches the output: in the program `components.stack`, for the command line `eco2.stack.state`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rollout.spec.image import Image
from rollout.traffic.ladder import FULL_WEIGHT, Ladder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.plan.state import Deployed
    from rollout.traffic.kept import Kept
    from rollout.traffic.split import Split

LEFT_VARIABLE = "ECO2_ROUTES_LEFT_AT"
"""The environment variable with the time at which an abort took canaries out of all routes,
in seconds since the epoch."""

ONLY_VARIABLE = "ECO2_ONLY"
"""The environment variable that tells the program which services an update with targets is about: the
process that started the update, a colon, and their names with commas between (`4711:auth-api,my-api`).
That process chose the targets. A variable that outlived it is refused: without targets, an update that
declares these services alone would take all others away."""

HELD_VARIABLE = "ECO2_HELD"
"""The same, with the services of which an update changes canary and routes alone: an abort's."""

ANEW_VARIABLE = "ECO2_ANEW"
"""The same, with the autoscalers that an abort makes anew after somebody deleted them, as `KIND/NAME`: the state,
which had to forget them, does not tell them from ones that wait in the checkout."""

ADOPTING_VARIABLE = "ECO2_ADOPTING"
"""The same as `ECO2_ONLY`, in an update that takes over what other tools have made: `eco2 adopt`'s."""


@dataclass(frozen=True)
class PodCounts:
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
        ladder: The weights of its ladder.
        pods: Pods of stable and of the canary by plan.
        routes: What its routes say, which an update that failed may have moved since; None where
            that is not known.
        deployed: What its Deployments run by the state, where outputs may tell of another update; None
            where that is not known.
        kept: Which users keep the version that they met, by the state.
        first_ports: The first port of each Service in the state, by name; no part of a rollout.
    """

    phase: int
    weight: int
    stable_image: Image
    canary_image: Image | None
    share: float
    ladder: tuple[int, ...]
    pods: PodCounts
    routes: Split | None = None
    deployed: Deployed | None = None
    kept: Kept | None = None
    first_ports: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def phase_name(self) -> str:
        """`off`, `header` or the phase's weight."""
        return Ladder(self.ladder).name(self.phase)

    def output(self) -> dict[str, Any]:
        """The entry of the stack output `rollouts`; `read_prior` reads it."""
        canary = self.canary_image
        return {
            "phase": self.phase,
            "phaseName": self.phase_name,
            "ladder": list(self.ladder),
            "weight": self.weight,
            "share": self.share,
            "images": {"stable": str(self.stable_image), "canary": str(canary) if canary else None},
            "replicas": {"stable": self.pods.stable, "canary": self.pods.canary},
        }

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
        """Whether the canary had all the traffic, and stable has not got it back yet.

        A promotion that failed behind its routes is one still: stable then runs the canary's image.
        """
        if self.canary_image is None or self.weights[1] != FULL_WEIGHT:
            return False
        begun = self.deployed is None or self.deployed.stable == self.canary_image
        return begun or self.stands_at[0] == FULL_WEIGHT

    def tried(self, image: Image) -> bool:
        """Whether an image is the canary's, by the outputs and by the state.

        An update that failed may have put in another one, and outputs may claim one that none ever put in.
        """
        there = self.deployed and self.deployed.canary
        return image == self.canary_image and there in (None, image)

    def keeps_stable(self, image: Image) -> bool:
        """Whether stable runs an image already.

        It goes by the state, but for a promotion that has begun: until it ends, stable is what it was before.
        """
        there = self.deployed and self.deployed.stable
        begun = self.carries_everything and there == self.canary_image
        return image == (there if there and not begun else self.stable_image)

    def stable_before(self, image: Image) -> Image:
        """What stable ran: where outputs and state differ, the one that an update to this image changes."""
        there = self.deployed and self.deployed.stable
        return there if there and there != image else self.stable_image

    def canary_before(self, image: Image | None) -> Image | None:
        """The same of the canary; None without one."""
        there = self.deployed and self.deployed.canary
        return there if there and there != image else self.canary_image


def read_prior(outputs: Mapping[str, Any]) -> dict[str, Prior]:
    """Reads the `rollouts` output.

    Args:
        outputs: The outputs of the stack; empty before its first update.

    Returns:
        The services that the outputs describe. An entry of another shape is left out: such a service is
        treated as new, which waits for every pod before it moves a route.
    """
    rollouts = outputs.get("rollouts")
    found: dict[str, Prior] = {}
    for name, entry in rollouts.items() if isinstance(rollouts, dict) else ():
        try:
            images, replicas, canary = entry["images"], entry["replicas"], entry["images"].get("canary")
            prior = Prior(
                phase=int(entry["phase"]),
                weight=int(entry["weight"]),
                stable_image=Image.read(str(images["stable"])),
                canary_image=Image.read(canary) if canary else None,
                share=float(entry["share"]),
                ladder=tuple(int(weight) for weight in entry["ladder"]),
                pods=PodCounts(int(replicas["stable"]), int(replicas["canary"])),
            )
            if 0 <= prior.phase <= Ladder(prior.ladder).last_phase:
                found[name] = prior
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def by_the_state(said: Mapping[str, Prior], deployed: Mapping[str, Deployed] | None) -> dict[str, Prior]:
    """What outputs say, put right where the Deployments in the state tell that it never was, or is no more.

    A canary that outputs tell of and that neither runs nor has a route is at phase 0. One that a route
    leads to was lost, and comes back with the next update.

    Args:
        said: What the outputs say, with the routes of the state.
        deployed: What its Deployments run, by service; None where that is not known.
    """
    if deployed is None:
        return dict(said)
    found = {}
    for name, prior in said.items():
        there, led_to = deployed.get(name), prior.routes is not None and prior.stands_at != (0, False)
        if there is None and prior.routes is None:
            continue  # never brought up
        kept = prior
        if prior.phase and not led_to and (there is None or there.canary is None):
            pods = PodCounts(prior.pods.stable, 0)
            kept = replace(prior, phase=0, weight=0, share=0.0, canary_image=None, pods=pods)
        found[name] = replace(kept, deployed=there)
    return found


def merged(
    planned: Mapping[str, Any],
    last: Mapping[str, Any] | None,
    done: Collection[str],
    *,
    whole: bool = True,
) -> dict[str, Any]:
    """An output of the stack by service, where an update may leave services as they were.

    Args:
        planned: What the plans say of each service.
        last: The same output of the last update.
        done: The services that are what their plans say.
        whole: Whether the update is about all services. One with targets leaves those that it does not know where
            they are: a checkout without a service must not make the next one forget its canary.

    Returns:
        The plans' entries for those, and the last update's for the others, so that outputs never
        claim what was not done: a service that was never brought up stays out.
    """
    before = last or {}
    kept = {} if whole else {name: entry for name, entry in before.items() if name not in planned}
    return kept | {
        name: entry if name in done else before[name]
        for name, entry in planned.items()
        if name in done or name in before
    }

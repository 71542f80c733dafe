"""One look at every service: wanted, applied and live beside each other, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eco2.status.alarms import at_objects, at_routes, at_stable, at_the_canary
from eco2.status.findings import HALF_TAKEN_BACK, Finding, below, not_applied, not_live
from rollout.plan.prior import read_prior
from rollout.traffic.versions import FALLBACK_SUBSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from eco2.prometheus import Requests
    from eco2.status.events import Event
    from eco2.status.live import Live
    from rollout.diff.drift import Drift
    from rollout.plan.prior import Prior
    from rollout.spec.image import Image

NOT_YET_UP = "0 not yet up"


@dataclass(frozen=True)
class Step:
    """How far a rollout is, by the config or by the last update.

    Attributes:
        phase: Its number, and `phase_name` in words.
        phase_name: `off`, `header` or the weight.
        weight: Of the routes, in per cent.
        share: What the canary gets of it by plan, where pods decide.
        stable: Image and revision of stable.
        canary: The same of the canary; None without one.
    """

    phase: int
    phase_name: str
    weight: int
    share: float
    stable: Image
    canary: Image | None

    @classmethod
    def of(cls, prior: Prior) -> Step:
        """What an update left, or will leave."""
        return cls(
            phase=prior.phase,
            phase_name=prior.phase_name,
            weight=prior.weight,
            share=prior.share,
            stable=prior.stable_image,
            canary=prior.canary_image,
        )

    def __str__(self) -> str:
        """`3 20%`."""
        return f"{self.phase} {self.phase_name}"


def read_applied(
    outputs: Mapping[str, Any] | None, names: Iterable[str]
) -> dict[str, tuple[Step | None, bool]]:
    """What the last update left of some services, and whether that is known: it may have left nothing.

    Args:
        outputs: The stack's; None if they cannot be read.
        names: The services.
    """
    said = read_prior(outputs or {})
    entries = (outputs or {}).get("rollouts") or {}
    found = {}
    for name in names:
        step = Step.of(said[name]) if name in said else None
        nothing = isinstance(entries, dict) and not entries.get(name)
        found[name] = step, outputs is not None and (step is not None or nothing)
    return found


@dataclass(frozen=True)
class Status:
    """One service.

    Attributes:
        service: Its name.
        kind: `api`, `grpc` or `worker`.
        node_group: The domain whose nodes it runs on.
        wanted: What the config says; None if it cannot be used.
        applied: What the last update left; None before the first, or if that is not known.
        live: What the cluster runs.
        measured: Requests that a Prometheus counted; None without one.
        events: Recent warnings, newest first.
        outputs_known: Whether the stack's outputs say what the last update left, if there was one.
        drift: Objects of the last update that the cluster does not have, or has otherwise.
    """

    service: str
    kind: str
    node_group: str
    wanted: Step | None
    applied: Step | None
    live: Live
    measured: Requests | None = None
    events: tuple[Event, ...] = ()
    outputs_known: bool = True
    drift: tuple[Drift, ...] = ()

    @property
    def phase(self) -> str | None:
        """The last update's, by number and name; None if it is not known."""
        if self.applied:
            return str(self.applied)
        return NOT_YET_UP if self.outputs_known else None

    @property
    def differences(self) -> tuple[Finding, ...]:
        """Where config, last update and cluster disagree."""
        found = (*not_applied(self.wanted, self.applied), *not_live(self))
        return (*found, HALF_TAKEN_BACK) if self.half_taken_back else found

    @property
    def half_taken_back(self) -> bool:
        """Whether routes were taken off the canary, while config and last update still want it there.

        The first stroke of an abort leaves it so, under the updates' own field manager. A step down whose update
        has not ended is none: there the routes are what the config asks for.
        """
        wanted, applied, routing = self.wanted, self.applied, self.live.routing
        if applied is None or routing.hands or (wanted is not None and not wanted.phase):
            return False
        return all(below(routing, step, self.kind) for step in (applied, wanted) if step)

    @property
    def alarms(self) -> tuple[str, ...]:
        """What users suffer from at this moment, in words."""
        up = self.applied is not None
        found = (
            self.canary_alarm,
            at_stable(self.kind, self.live, up=up),
            at_routes(self.service, self.kind, self.live, up=up),
            *at_objects(self.drift, self.live),
        )
        return tuple(dict.fromkeys(filter(None, found)))

    @property
    def canary_alarm(self) -> str:
        """That of them which an abort ends; empty without one."""
        live = self.live
        if any(FALLBACK_SUBSET in one.lost_subsets for one in self.drift):
            live = replace(live, routing=replace(live.routing, falls_back=False))
        return at_the_canary(self.kind, live, self.measured)


@dataclass(frozen=True)
class Snapshot:
    """Services at one moment.

    Attributes:
        stack: The stack.
        context: The kubeconfig's context.
        at: When the cluster was asked.
        services: In the catalog's order.
        notes: What could not be read, in words.
        header: The request header that reaches canaries, by the config: `x-canary: true`; empty if that cannot
            be used.
    """

    stack: str
    context: str
    at: datetime
    services: tuple[Status, ...]
    notes: tuple[str, ...]
    header: str = ""

"""What a status finds, by kind: what disagrees, and its remedy, the command that ends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from rollout.traffic.kinds import by_selector, by_weight
from rollout.traffic.names import canary_name
from rollout.traffic.selector import version_at
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from eco2.status.live import Routing
    from eco2.status.snapshot import Status, Step
    from rollout.diff.drift import Drift


class Kind(Enum):
    """What is wrong. Remedies are told in this order."""

    HALF_TAKEN_BACK = auto()
    CANARY_FAILS = auto()
    NOT_APPLIED = auto()
    DRIFT = auto()


ABORT: Final = "eco2 abort {service} --stack {stack}"
REMEDIES: Final = {
    # Any update would bring the canary back, and with it what somebody took it back for.
    Kind.HALF_TAKEN_BACK: ABORT,
    Kind.CANARY_FAILS: ABORT,
    Kind.NOT_APPLIED: "pulumi up --stack {stack}",
    # Without a refresh an update sees no difference. What leads traffic it takes back by force, and from
    # `kubectl` everything; who else owns a field is named by the conflict.
    Kind.DRIFT: "pulumi up --refresh --run-program --stack {stack}",
}
PLACES: Final = {Kind.NOT_APPLIED: "config", Kind.DRIFT: "cluster", Kind.HALF_TAKEN_BACK: "cluster"}


@dataclass(frozen=True)
class Finding:
    """One thing that disagrees.

    Attributes:
        kind: What it is; decides the remedy.
        text: The words.
    """

    kind: Kind
    text: str

    def __str__(self) -> str:
        """The words, with the place in front: `cluster: no Service auth-api`."""
        return f"{PLACES[self.kind]}: {self.text}"


HALF_TAKEN_BACK: Final = Finding(
    Kind.HALF_TAKEN_BACK,
    "routes were taken off the canary, and an update may set them back; finish the abort first",
)


def remedies(kinds: set[Kind], service: str, stack: str) -> list[str]:
    """The commands that end what is wrong with a service; none but the abort where one is not finished."""
    if Kind.HALF_TAKEN_BACK in kinds:
        kinds = {Kind.HALF_TAKEN_BACK}
    told = [REMEDIES[kind].format(service=service, stack=stack) for kind in Kind if kind in kinds]
    return list(dict.fromkeys(told))


def not_applied(wanted: Step | None, applied: Step | None) -> tuple[Finding, ...]:
    """What the config says and no update has brought about yet."""
    if wanted is None or applied is None:
        return ()
    pairs = (
        ("phase", str(wanted), str(applied)),
        ("weight", f"{wanted.weight} %", f"{applied.weight} %"),
        ("stable's image", wanted.stable, applied.stable),
        ("canary's image", wanted.canary, applied.canary if wanted.canary else None),
    )
    told = [(what, new, old) for what, new, old in pairs if new != old]
    if any(what == "phase" for what, _, _ in told):  # it brings its weight with it
        told = [one for one in told if one[0] != "weight"]
    return tuple(
        Finding(Kind.NOT_APPLIED, f"{what} is {new}; applied: {old or 'none'}") for what, new, old in told
    )


def not_live(status: Status) -> tuple[Finding, ...]:
    """What the last update left and the cluster does not have, or has otherwise."""
    applied, live = status.applied, status.live
    if applied is None:
        return ()
    found = [f"no {name}" for name in live.routing.missing]
    for role, wanted, deployment in (
        ("stable", applied.stable, live.stable),
        ("canary", applied.canary, live.canary),
    ):
        if wanted and deployment is None:
            found.append(f"no Deployment of {role}; applied: {wanted}")
        elif deployment and wanted and deployment.image != wanted:
            found.append(f"{role} runs {deployment.image}; applied: {wanted}")
        elif deployment and not wanted:
            found.append(f"a {role} runs; applied: none")
    found += [str(one) for one in status.drift if not _told_by_role(one, status.service)]
    told = (*dict.fromkeys(found), *_routes_not_live(status, applied))
    return tuple(Finding(Kind.DRIFT, one) for one in told)


def _told_by_role(one: Drift, service: str) -> bool:
    """Whether a Deployment is missing that is stable or the canary."""
    return one.missing and one.kind == "Deployment" and one.name in (service, canary_name(service))


def _routes_not_live(status: Status, applied: Step) -> tuple[str, ...]:
    routing = status.live.routing
    found = []
    if by_weight(status.kind) and routing.weights and routing.weights != (applied.weight,):
        there = ", ".join(f"{weight} %" for weight in routing.weights)
        found.append(f"routes send {there} to the canary; applied: {applied.weight} %")
    if by_weight(status.kind) and routing.weights and routing.header != bool(applied.phase):
        has = "a route" if routing.header else "no route"
        found.append(f"{has} for the header; applied: phase {applied}")
    pin = version_at(applied.weight)
    if by_selector(status.kind) and not routing.missing and routing.version != pin:
        selects, should = (one or "both versions" for one in (routing.version, pin))
        found.append(f"requests meet {selects}; applied: {should}")
    if found and routing.hands:
        found.append(f"changed by hand: {', '.join(routing.hands)}")
    return tuple(found)


def below(routing: Routing, step: Step, kind: str) -> bool:
    """Whether the cluster sends the canary less than a step does, and nowhere more."""
    if by_selector(kind):
        rising = (STABLE_VERSION, None, CANARY_VERSION)
        known = not routing.missing and routing.version in rising
        return known and rising.index(routing.version) < rising.index(version_at(step.weight))
    if not routing.weights:
        return False
    fewer = routing.weights[0] < step.weight or routing.header < bool(step.phase)
    return fewer and routing.weights[-1] <= step.weight

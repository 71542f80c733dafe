"""Which resources of a state an abort updates: canary and routes, and nothing that nobody approved.

Everything else of a service waits for an update of its own: in the middle of an incident a changed variable
must not roll stable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rollout.marks import CANARY_SERVICE
from rollout.plan.state import DEPLOYMENT, image_of
from rollout.traffic.names import is_canary, own_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from rollout.plan.prior import Prior

Resource = Mapping[str, Any]


def components(resources: Iterable[Resource]) -> dict[str, str]:
    """The services of a state by the URN of their component."""
    return {one["urn"]: one["urn"].rsplit("::", 1)[1] for one in resources if one["type"] == CANARY_SERVICE}


def in_flight(resources: list[dict[str, Any]], last: Mapping[str, Prior]) -> set[str]:
    """The services that the last update left with a canary, or one that failed left one of."""
    known = components(resources)
    # An update that failed on the way up has left no outputs, but a canary in the state.
    strays = {known.get(one.get("parent", "")) for one in resources if is_canary(one["urn"])}
    return {name for name, prior in last.items() if prior.phase} | {name for name in strays if name}


def targets(
    resources: list[dict[str, Any]],
    moving: Iterable[str],
    last: Mapping[str, Prior] | None = None,
    companions: Collection[str] = (),
) -> list[str]:
    """The URNs that an abort's update is limited to: all that belongs to some services, but no companion.

    What of them is neither canary nor route is held by the program as it is (`components.held`). To leave it out would
    not do: the engine takes over what is no target in the order of the state, and the program may register it in
    another one. A companion is among them where a promotion that failed has given it another image than stable had.

    Args:
        resources: The resources of the state.
        moving: The services.
        last: What the last update that succeeded left, by service.
        companions: Those that the checkout knows: of another one, the update would take away the Deployment.
    """
    known, wanted = components(resources), set(moving)
    urns = [urn for urn, name in known.items() if name in wanted]
    for one in resources:
        service = known.get(one.get("parent", ""))
        if service not in wanted:
            continue
        beside = _name(one) in companions and _differs(one, (last or {}).get(service))
        if _name(one) in own_names(service) or beside:
            urns.append(one["urn"])
    return urns


def _differs(one: Resource, prior: Prior | None) -> bool:
    """Whether a Deployment has, by what was asked or by what was answered, another image than stable had."""
    if prior is None or one["type"] != DEPLOYMENT:
        return False
    images = {image_of(one.get(side) or {}) for side in ("inputs", "outputs")}
    return bool(images - {None, prior.stable_image})


def _name(one: Resource) -> str:
    return str(one["urn"]).rsplit("::", 1)[1]

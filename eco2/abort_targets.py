"""Which resources of a state an abort updates: canary and routes, and nothing that nobody approved.

Everything else of a service waits for an update of its own: in the middle of an incident a changed variable
must not roll stable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components.metadata import CANARY_SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.prior import Prior

Resource = Mapping[str, Any]

AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
"""They may not shrink stable while a canary has weight, and may again once it is gone."""


def components(resources: Iterable[Resource]) -> dict[str, str]:
    """The services of a state by the URN of their component."""
    return {one["urn"]: one["urn"].rsplit("::", 1)[1] for one in resources if one["type"] == CANARY_SERVICE}


def in_flight(resources: list[dict[str, Any]], last: Mapping[str, Prior]) -> set[str]:
    """The services that the last update left with a canary, or one that failed left one of."""
    known = components(resources)
    # An update that failed on the way up has left no outputs, but a canary in the state.
    strays = {known.get(one.get("parent", "")) for one in resources if one["urn"].endswith("-canary")}
    return {name for name, prior in last.items() if prior.phase} | {name for name in strays if name}


def targets(resources: list[dict[str, Any]], last: Mapping[str, Prior], moving: Iterable[str]) -> list[str]:
    """The URNs that an abort's update is limited to.

    Args:
        resources: The resources of the state.
        last: What the last update that succeeded left, by service.
        moving: The services that are taken back.
    """
    known, wanted = components(resources), set(moving)
    own = [one for one in resources if known.get(one.get("parent", "")) in wanted]
    with_routes = {one["parent"] for one in own if _kind(one) == "VirtualService"}
    return [urn for urn, name in known.items() if name in wanted] + [
        one["urn"]
        for one in own
        if _goes_back(one, known[one["parent"]], last, by_service=one["parent"] not in with_routes)
    ]


def _goes_back(one: Resource, service: str, last: Mapping[str, Prior], *, by_service: bool) -> bool:
    """Whether a resource of a service changes when its canary is taken back.

    Stable's Deployment does where a promotion was begun and not finished: what it runs is then the canary's
    image, which is what is taken back.
    """
    kind, name = _kind(one), one["urn"].rsplit("::", 1)[1]
    if name.endswith("-canary") or kind == "VirtualService":
        return True
    if name != service:
        return False
    if kind == "Service":
        return by_service  # without routes, its selector is the route
    if kind == "Deployment":
        return service in last and _image(one) not in ("", last[service].stable_image.partition(" ")[0])
    return kind in AUTOSCALERS


def _kind(one: Resource) -> str:
    return str(one["type"]).rsplit(":", 1)[1]


def _image(deployment: Resource) -> str:
    """What the pods of a Deployment run by its last inputs; empty where they do not tell."""
    try:
        containers = deployment["inputs"]["spec"]["template"]["spec"]["containers"]
        return str(containers[0]["image"])
    except (KeyError, TypeError, IndexError):
        return ""

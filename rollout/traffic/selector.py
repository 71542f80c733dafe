"""The Service of what has no routes: its selector decides which pods requests meet (rule 5).

At full weight the DestinationRule decides, too: there the Service selects the pods of both versions, and proxies take
the canary's first (rule 19).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.versions import CANARY_FIRST, CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.traffic.versions import Version

_WEIGHTS: Final[dict[str | None, int]] = {STABLE_VERSION: 0, CANARY_VERSION: FULL_WEIGHT}
_PINNED: Final[dict[float, Version]] = {0: STABLE_VERSION, FULL_WEIGHT: CANARY_VERSION}


class NoSelectorError(Exception):
    """A Service selects no pods; the message names it."""


def version_at(weight: float) -> Version | None:
    """The version that requests meet at a weight; None: both, by the ratio of pods.

    At full weight it is the canary alone, so that the last phase means the same everywhere.
    """
    return _PINNED.get(weight)


def selected_at(weight: float, *, falls_back: bool) -> Version | None:
    """The version that the Service selects at a weight; None: the pods of both.

    Args:
        weight: The weight in per cent.
        falls_back: Whether stable's pods take over at full weight where the canary's cannot.
    """
    return None if falls_back and weight == FULL_WEIGHT else version_at(weight)


def met(service: Mapping[str, Any], rule: Mapping[str, Any] | None) -> str | None:
    """The version that requests meet while all pods are well; None: both, by the ratio of pods.

    Args:
        service: The Service.
        rule: Its DestinationRule; None where there is none.
    """
    version = selected(service)
    return CANARY_VERSION if version is None and canary_first(rule or {}) else version


def canary_first(rule: Mapping[str, Any]) -> bool:
    """Whether proxies that follow a DestinationRule take stable's pods only where the canary's cannot."""
    spec = rule.get("spec") or {}
    balancer = (spec.get("trafficPolicy") or {}).get("loadBalancer") or {}
    return list((balancer.get("localityLbSetting") or {}).get("failoverPriority") or ()) == CANARY_FIRST


def selected(service: Mapping[str, Any]) -> str | None:
    """The version that a Service selects; None: the pods of both."""
    version = ((service.get("spec") or {}).get("selector") or {}).get("version")
    return None if version is None else str(version)


def weight_of(version: str | None, between: int) -> int:
    """The weight that a version stands for, in per cent.

    Args:
        version: What a Service selects.
        between: What stands for both versions: how many requests it is, pods decide.
    """
    return _WEIGHTS.get(version, min(max(between, 1), FULL_WEIGHT - 1))


def pinned(service: Mapping[str, Any]) -> dict[str, Any]:
    """The same Service, selecting stable's pods only.

    Raises:
        NoSelectorError: If it selects no pods at all: the version alone would select those of all services.
    """
    changed = copy.deepcopy(dict(service))
    selector = (changed.get("spec") or {}).get("selector")
    if not selector:
        meta = service["metadata"]
        raise NoSelectorError(f"Service {meta.get('namespace')}/{meta.get('name')} has no selector")
    selector["version"] = STABLE_VERSION
    return changed

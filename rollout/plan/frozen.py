"""Which autoscalers the last update left frozen, and with which fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

BEHAVIOR = {
    "HorizontalPodAutoscaler": ("behavior",),
    "ScaledObject": ("advanced", "horizontalPodAutoscalerConfig", "behavior"),
}
"""Where an autoscaler's spec has its behaviour, by kind."""


def frozen(resources: Mapping[str, Any]) -> dict[tuple[str, str], bool]:
    """The autoscalers that take no pod away by the state, and whether each has a tolerance.

    The state holds what the server made of them: a tolerance that it did not keep is not there.

    Args:
        resources: Type and outputs of everything in the stack's state, by URN; empty where it is not known.

    Returns:
        Whether it has one, by kind and name.
    """
    found = {}
    for urn, resource in resources.items():
        kind = str(resource.get("type", "")).rpartition(":")[2]
        if kind not in BEHAVIOR:
            continue
        rules: Any = (resource.get("outputs") or {}).get("spec")
        for key in (*BEHAVIOR[kind], "scaleDown"):
            rules = (rules or {}).get(key)
        if rules and rules.get("selectPolicy") == "Disabled":
            found[kind, urn.rsplit("::", 1)[1]] = rules.get("tolerance") is not None
    return found

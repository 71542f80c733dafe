"""Whether pods of a namespace get Istio's sidecar: a caller without one ignores the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

NAMESPACES = "/api/v1/namespaces"
"""Where all namespaces are listed."""


def bare(namespaces: Iterable[Mapping[str, Any]], names: Collection[str]) -> list[str]:
    """Those of some namespaces that are there and ask for no sidecars, sorted.

    Args:
        namespaces: As the API server lists them.
        names: Which of them.
    """
    there = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in namespaces}
    return sorted(name for name in names if name in there and not _asks_for_sidecars(there[name]))


def _asks_for_sidecars(labels: Mapping[str, str]) -> bool:
    return labels.get("istio-injection") == "enabled" or "istio.io/rev" in labels

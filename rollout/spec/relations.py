"""Relations between the containers of one pod that Kubernetes or Istio's injection refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

SIDECARS: Final = ("istio-proxy", "istio-init", "istio-validation")
"""Containers that Istio adds to the pods."""


def containers_differ(container: str | None, init_containers: Iterable[str]) -> None:
    """Refuses two containers of one name in a pod.

    Args:
        container: The container's name; None where the service or companion gives it.
        init_containers: Those of the init containers.

    Raises:
        ValueError: With the name.
    """
    seen = {*SIDECARS}
    for name in filter(None, (container, *init_containers)):
        if name in seen:
            whose = "Istio's sidecar" if name in SIDECARS else "another container of the pod"
            raise ValueError(f"the container name {name} belongs to {whose}; choose another")
        seen.add(name)

"""Names, labels and annotations that every object carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def labels(app: str, kind: str, more: Mapping[str, str]) -> dict[str, str]:
    """The labels of an object and of its pods.

    Args:
        app: The service, or its companion.
        kind: What the service is: `api`, `grpc` or `worker`.
        more: What the platform and the service add.
    """
    return {
        **more,
        "app": app,
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/component": kind,
        "app.kubernetes.io/managed-by": "pulumi",
    }


def metadata(
    name: str,
    namespace: str,
    field_manager: str,
    object_labels: dict[str, str],
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An object's metadata, with an explicit name: services, routes and rules refer to each other by it."""
    return {
        "name": name,
        "namespace": namespace,
        "labels": object_labels,
        "annotations": {"pulumi.com/patchFieldManager": field_manager, **(annotations or {})},
    }

"""Names, labels and annotations that every object carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollout.spec.catalog import Service

FIELD_MANAGER = "eco2"
"""The field manager of every write, so that a rollback by hand at the API can take the same name
and leaves no conflict behind for the next update."""

CANARY_SERVICE = "eco2:service:CanaryService"
"""The type of a service's component in Pulumi's state."""

DOMAIN_LABEL = "domain"
"""Key of the label and of the taint of a domain's nodes."""


def labels(app: str, service: Service, part_of: str, environment: str) -> dict[str, str]:
    """The labels of an object and of its pods.

    Args:
        app: The service, or its companion.
        service: What the service is.
        part_of: The system as a whole.
        environment: `dev` or `prod`.
    """
    return {
        "app": app,
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/component": service.kind,
        "app.kubernetes.io/part-of": part_of,
        "app.kubernetes.io/managed-by": "pulumi",
        "domain": service.domain,
        "environment": environment,
        "tier": service.tier,
    }


def metadata(
    name: str, namespace: str, object_labels: dict[str, str], annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    """An object's metadata, with an explicit name: services, routes and rules refer to each other by it."""
    return {
        "name": name,
        "namespace": namespace,
        "labels": object_labels,
        "annotations": {"pulumi.com/patchFieldManager": FIELD_MANAGER, **(annotations or {})},
    }

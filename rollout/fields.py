"""Fields of a Kubernetes object."""

from __future__ import annotations

from typing import Any


def present(**fields: Any) -> dict[str, Any]:
    """The fields that have something in them; the API server fills in defaults for the others."""
    return {name: value for name, value in fields.items() if value not in (None, (), [], {})}

"""What an answer of an API server means, beside its status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def names_an_object(answer: Mapping[str, Any]) -> bool:
    """Whether a 404 is about an object; an API that is not served is answered without a name."""
    details = answer.get("details")
    return answer.get("reason") == "NotFound" and isinstance(details, dict) and bool(details.get("name"))


def way_on(reason: str) -> str:
    """What to do about a refusal whose cause lies elsewhere in the cluster."""
    if "failed calling webhook" not in reason:
        return ""
    return (
        "; the server asks this webhook before it takes a change, and cannot reach it: bring its pods back "
        "(Istio's: kubectl -n istio-system rollout restart deployment/istiod), or see docs/rollback.md, step 5"
    )

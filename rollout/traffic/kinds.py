"""What a service's kind says of the way in which it gets its work."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["api", "grpc", "worker"]
KINDS: Final[tuple[Kind, ...]] = ("api", "grpc", "worker")


def by_weight(kind: str) -> bool:
    """Whether routes split its requests; elsewhere the share is the ratio of pods."""
    return kind == "api"


def by_selector(kind: str) -> bool:
    """Whether requests meet what its Service selects, since its callers follow no route (rule 5)."""
    return kind == "grpc"


def reads_queues(kind: str) -> bool:
    """Whether it gets its work from queues, and no requests (rule 6)."""
    return kind == "worker"

"""What was counted of a canary and of stable, and what could not be counted. `tally` tells how it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True)
class Unknown:
    """What cannot be told.

    Attributes:
        why: The reason, for a person.
    """

    why: str


@dataclass(frozen=True)
class Counts:
    """Requests of one version.

    Attributes:
        requests: All that were answered.
        bad: Of these, the ones that failed (or were slow).

    Raises:
        ValueError: If they cannot be counts.
    """

    requests: float
    bad: float

    def __post_init__(self) -> None:
        if not (isfinite(self.requests) and 0 <= self.bad <= self.requests):
            raise ValueError(f"{self.bad} bad ones of {self.requests} requests is no count")

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.requests + other.requests, self.bad + other.bad)

    @property
    def share(self) -> float:
        """The part that is bad; 0 without requests."""
        return self.bad / self.requests if self.requests else 0.0


def counts_of(requests: float, bad: float) -> Counts | Unknown:
    """What a Prometheus gave as counts; it may give anything, infinity, too. Estimates may have too many bad ones."""
    try:
        return Counts(requests, min(bad, requests))
    except ValueError as error:
        return Unknown(f"Prometheus gives no counts: {error}")


@dataclass(frozen=True)
class Batch:
    """What both versions answered in the same time."""

    canary: Counts
    stable: Counts

    def __add__(self, other: Batch) -> Batch:
        return Batch(self.canary + other.canary, self.stable + other.stable)

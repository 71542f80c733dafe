"""The split of a service's traffic between stable and canary: its shape, and reading it from VirtualServices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.traffic.kept import is_kept
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.versions import FALLBACK_SUBSET, TO_CANARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True)
class Split:
    """How requests are split.

    Attributes:
        weight: Requests without the header that reach the canary, in per cent.
        header: Whether the header reaches the canary.
    """

    weight: int
    header: bool


@dataclass(frozen=True)
class LiveSplit:
    """What VirtualServices say. A hand may have written rules that disagree.

    Attributes:
        weights: The weights on the canary of all rules that need no header, in per cent; empty without rules.
        header_weights: The same of the rules that need one. {0}: no such rule leads to the canary.
        keeps: Whether rules let users keep the canary (rule 21).
        falls_back: Whether stable takes the canary's share where the canary cannot, by every rule that needs no
            header (rule 19).
    """

    weights: frozenset[int]
    header_weights: frozenset[int]
    falls_back: bool = False
    keeps: bool = False

    @property
    def split(self) -> Split | None:
        """The split, as an update writes it; None for what a hand made of it."""
        if len(self.weights) != 1 or self.header_weights not in ({0}, {FULL_WEIGHT}):
            return None
        weight = next(iter(self.weights))
        return None if self.keeps and not weight else Split(weight, self.header)

    @property
    def header(self) -> bool:
        """Whether the header reaches the canary alone, by every object."""
        return self.header_weights == {FULL_WEIGHT}

    @property
    def at_most(self) -> Split:
        """The most that may reach the canary: where rules disagree, some requests meet the highest."""
        weight = max(self.weights, default=0)
        return Split(weight, max(self.header_weights) > 0 or (self.keeps and not weight))


def read(*virtual_services: Mapping[str, Any]) -> LiveSplit:
    """Reads the split from all VirtualServices of a service.

    Args:
        virtual_services: As the API server or the state has them.
    """
    rules = [[rule for rule in _rules(one) if rule.get("route")] for one in virtual_services]
    return LiveSplit(
        frozenset(canary_share(rule) for own in rules for rule in own if not needs_header(rule)),
        frozenset(share for own in rules for share in _header_shares(own)) or frozenset({0}),
        {FALLBACK_SUBSET}
        == {
            subset_of(route)
            for own in rules
            for rule in own
            if not needs_header(rule)
            for route in rule["route"]
            if subset_of(route) in TO_CANARY
        },
        any(canary_share(rule) for own in rules for rule in own if needs_header(rule) and is_kept(rule)),
    )


def needs_header(rule: Mapping[str, Any]) -> bool:
    """Whether a rule takes requests with some header alone: each of its matches asks for one."""
    matches = rule.get("match") or ()
    return bool(matches) and all("headers" in match for match in matches)


def canary_share(rule: Mapping[str, Any]) -> int:
    """What a rule sends to the canary, in per cent. A single destination may leave its weight out."""
    routes = rule.get("route") or ()
    whole = FULL_WEIGHT if len(routes) == 1 else 0
    return sum(int(one.get("weight", whole)) for one in routes if subset_of(one) in TO_CANARY)


def subset_of(route: Mapping[str, Any]) -> str:
    """The subset that a destination names; empty for none."""
    return str((route.get("destination") or {}).get("subset", ""))


def _header_shares(rules: Iterable[Mapping[str, Any]]) -> set[int]:
    """The shares of one object's header rules; {0} where it has none."""
    return {canary_share(rule) for rule in rules if needs_header(rule) and not is_kept(rule)} or {0}


def _rules(virtual_service: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    spec = virtual_service.get("spec") or {}
    yield from spec.get("http") or ()

"""VirtualServices without the canary, and without the split."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from rollout.traffic.baggage import BAGGAGE, unmarked
from rollout.traffic.kept import is_kept, without_cookie
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.names import is_canary
from rollout.traffic.split import needs_header
from rollout.traffic.versions import STABLE_SUBSET, TO_CANARY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECTIONS: Final = ("http", "tls", "tcp")
"""Where a VirtualService keeps its rules; the program writes the first alone, and a hand may write all."""


def without_canary(virtual_service: Mapping[str, Any]) -> dict[str, Any]:
    """A VirtualService as it is at phase 0: no rule leads to the canary, by route or by mirror.

    A header rule that leads to the canary alone is taken away, so that the rule behind it takes its requests; so is
    each that the program wrote for a rollout, wherever a hand made it lead. Any other rule leads to stable instead.
    """
    changed = copy.deepcopy(dict(virtual_service))
    spec = changed.get("spec") or {}
    for section in SECTIONS:
        if section in spec:
            rules = spec[section] or []
            spec[section] = [
                _stable_only(rule)
                for place, rule in enumerate(rules)
                if not _falls_through(rule, rules[place + 1 :])
            ]
    return changed


def without_split(virtual_service: Mapping[str, Any]) -> dict[str, Any]:
    """A VirtualService without all that a rollout changes of it: rules for the header, weights and subsets."""
    spec = dict(virtual_service.get("spec") or {})
    spec["http"] = [
        rule | ({"route": rule["route"][:1] and [_host(rule["route"][0])]} if "route" in rule else {})
        for rule in spec.get("http") or ()
        if not needs_header(rule)
    ]
    return {**virtual_service, "spec": spec}


def _falls_through(rule: Mapping[str, Any], behind: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a rule is the rollout's own, and its requests meet another one when it is gone."""
    own = [_leads_to_canary(route) for route in rule.get("route") or ()]
    goes = is_kept(rule) or _is_canarys(rule) or (bool(own) and all(own))
    return needs_header(rule) and goes and any(not needs_header(one) for one in behind)


def _is_canarys(rule: Mapping[str, Any]) -> bool:
    """Whether a rule has the name of a header rule: `me-canary`, `me-canary-baggage`."""
    return is_canary(str(rule.get("name", "")).removesuffix(f"-{BAGGAGE}"))


def _stable_only(rule: dict[str, Any]) -> dict[str, Any]:
    rule = _without_mirrors(rule)
    routes = rule.get("route") or []
    if not any(_leads_to_canary(route) for route in routes):
        return {**rule, "route": [without_cookie(route) for route in routes]} if routes else rule
    stable = without_cookie(unmarked(routes[0]))
    stable["destination"]["subset"], stable["weight"] = STABLE_SUBSET, FULL_WEIGHT
    # A request that meets stable in the canary's place leads nobody behind it to a canary (rule 20).
    return {**unmarked(rule), "route": [stable]}


def _leads_to_canary(route: Mapping[str, Any]) -> bool:
    """Whether a destination is the canary. One of another shape is an error: nobody knows where it leads."""
    return bool(route["destination"].get("subset") in TO_CANARY)


def _without_mirrors(rule: dict[str, Any]) -> dict[str, Any]:
    kept = dict(rule)
    if (kept.get("mirror") or {}).get("subset") in TO_CANARY:
        del kept["mirror"]
        kept.pop("mirrorPercentage", None)
    if others := kept.pop("mirrors", ()):
        stays = [one for one in others if (one.get("destination") or {}).get("subset") not in TO_CANARY]
        kept |= {"mirrors": stays} if stays else {}
    return kept


def _host(route: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in route["destination"].items() if key != "subset"}

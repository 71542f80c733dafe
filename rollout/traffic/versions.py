"""The two sets of pods of a service, as their labels and Istio's subsets name them."""

from __future__ import annotations

from typing import Literal

Version = Literal["v1", "v2"]
"""The label `version`; every selector holds it (rule 1)."""

STABLE_VERSION: Version = "v1"
CANARY_VERSION: Version = "v2"

STABLE_SUBSET = "stable"
CANARY_SUBSET = "canary"
SUBSETS = {STABLE_SUBSET: STABLE_VERSION, CANARY_SUBSET: CANARY_VERSION}

FALLBACK_SUBSET = "canary-or-stable"
"""The pods of both versions, the canary's first: proxies send to stable's what the canary's cannot take (rule 19)."""

CANARY_FIRST = [f"version={CANARY_VERSION}"]
"""`failoverPriority` of a DestinationRule: the canary's pods are priority 0, all others priority 1."""

TO_CANARY = frozenset({CANARY_SUBSET, FALLBACK_SUBSET})
"""The subsets by which a route leads to the canary."""

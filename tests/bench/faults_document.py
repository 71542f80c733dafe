"""What docs/measurements.md says of canaries that fail: while nobody looks, and while somebody watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench import faults, judged
from tests.bench.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Run = Mapping[str, Any]

FAULTS = """
## A canary that fails while nobody looks

auth-api at 20 %, {rate:.0f} requests a second for 14 s; after 3 s its one canary pod breaks, and nobody does anything.
*Alone*: the same routes with `trafficPolicy.fallback: null`. Argo Rollouts runs without an analysis, which would see
errors after its interval. *Ends after*: seconds from the fault to the last failed request; *never*: requests still
failed in the last two seconds. What a pod is just answering when it is deleted is lost, and no route can help it: in
some runs that is one request or two.

"""

FAILING = """
![A canary that answers 500: stable takes its share](fallback.svg)

![The same without the fallback](fallback-alone.svg)
"""

JUDGED = """
## A canary that falls sick while it is watched

auth-api at 5 %, {rate:.0f} requests a second; after {quiet:.0f} s of health the canary falls sick. Ours is
`eco2 climb`; beside it Argo Rollouts' analysis in the background, with the rule of its documentation: every 30 s, a
success rate of 99 % in the last minute, failed after more than three such measurements. Both ask the same Prometheus.
Seconds from the fault to routes without the canary; *never*: not within {longest:.0f} s. *Slower by 30 %*: each answer
takes 52 ms instead of 40 ms, and a bucket of Istio's histogram ends at 50 ms between the two; a rule of failures alone
does not see it.
"""


def unwatched(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    """What users meet while a canary fails, a row for each fault."""
    ways = {"faults": "ours", "faults-alone": "alone", "argo-faults": "Argo Rollouts"}
    measured = {name: parts[part] for part, name in ways.items() if part in parts}
    if not measured:
        return []
    head = ["fault", *(f"{name}: {what}" for name in measured for what in ("failed", "ends after"))]
    rows = []
    known = {one["fault"] for runs in measured.values() for one in runs}
    for fault in (one for one in faults.FAULTS if one in known):
        row = [fault]
        for runs in measured.values():
            own = [one for one in runs if one["fault"] == fault]
            if not own:  # this run has not come so far
                row += ["", ""]
                continue
            failed = sum(one["failed"] for one in own) / len(own)
            ends = [one["until"] for one in own]
            row += [f"{failed:g} of {own[0]['sent']:,}", "never" if None in ends else f"{max(ends):.1f} s"]
        rows.append(row)
    pictures = FAILING if {"faults", "faults-alone"} <= parts.keys() else ""
    return [FAULTS.format(rate=faults.RATE) + table(head, rows) + pictures]


def watched(parts: Mapping[str, Sequence[Run]], rate: float) -> list[str]:
    """How soon a canary that falls sick is taken back, a row for each fault."""
    ways = {"climbs": "ours", "argo-climbs": "Argo Rollouts"}
    measured = {name: parts[part] for part, name in ways.items() if part in parts}
    if not measured:
        return []
    rows = []
    for fault in judged.BEHAVIOURS:
        row = [fault]
        for runs in measured.values():
            own = [one for one in runs if one["fault"] == fault]
            times = [one["routes"] for one in own]
            row.append(("never" if None in times else f"{max(times):.1f} s") if own else "")
            row.append(", ".join(f"{one['failed']} of {one['sent']:,}" for one in own))
        rows.append(row)
    head = ["fault", *(f"{name}: {what}" for name in measured for what in ("back after", "failed requests"))]
    told = JUDGED.format(rate=rate, quiet=judged.QUIET_SECONDS, longest=judged.LONGEST_SECONDS)
    return [told, table(head, rows)]

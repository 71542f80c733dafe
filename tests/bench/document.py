"""Writes docs/measurements.md from the raw results: the frame is here, every figure comes from a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench import faults_document, flat, judge_document, latency, moves_document
from tests.bench.tables import spread, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Run = Mapping[str, Any]

HEAD = """# Measurements

Written by `make bench` from the raw results in [measurements.json](measurements.json); nothing here was
typed in by hand but the sentences. To measure again: `make bench` (about {minutes} minutes on two cores, and a
quarter of an hour more the first time, for building Argo Rollouts), or a part of it:
`make bench PARTS="abort argo-abort" RUNS=3`.

All traffic but that of the judge is real: {rate:.0f} requests a second at a constant rate through an Envoy that istiod
configures, to pods that listen on addresses of their own; the load, the API server, istiod, both Envoys and Pulumi
share the machine's cores. A time is the median of its runs, with the least and the most in brackets. A request has
failed if it was answered with a status of 400 or above, or not at all.
"""

FLAT = """
## The program beside a flat one

The stack dev (13 services, 10 node groups) without a change, beside a program that declares the same resources one
after the other, without models, plan or components. The ratio may be at most {limit}.
"""

LATENCY = """
## What the rules cost in time

auth-api at 20 %, {rate:.0f} requests a second through the gateway for {seconds:.0f} s at a time: with the subset
`canary-or-stable`; with a cookie that keeps {users} users at their version, too (`stickiness`); and with
`trafficPolicy.fallback: null`, which has neither. By turns in one run; each figure is the median of its runs, and in
brackets its ratio to the last.
"""

WORKS = {"up": "`pulumi up`", "preview": "`pulumi preview`", "render": "`eco2 render`"}


def document(told: Mapping[str, Any], minutes: int, rate: float) -> str:
    """The document.

    Args:
        told: The raw results; a part that was not measured is left out.
        minutes: How long the whole of it takes.
        rate: The load's requests a second.
    """
    parts: dict[str, Sequence[Run]] = {name: part["runs"] for name, part in told["parts"].items()}
    machine = table(("machine and versions", ""), [list(row) for row in told.get("machine", {}).items()])
    text = [HEAD.format(minutes=minutes, rate=rate), machine]
    text += [
        _when(told),
        *moves_document.taken_back(parts),
        *moves_document.moves(parts),
        *moves_document.swap(parts),
    ]
    text += [*faults_document.unwatched(parts), *_latency(parts, rate)]
    text += [*faults_document.watched(parts, rate), *_flat(parts)]
    text += [judge_document.section(parts["judge"])] if "judge" in parts else []
    return "\n".join(part.strip("\n") + "\n" for part in text if part)


def _when(told: Mapping[str, Any]) -> str:
    """When it was, and what else the machine did meanwhile."""
    parts = told["parts"].values()
    dates = sorted({part["date"] for part in parts})
    text = f"Measured on {dates[0]}." if len(dates) == 1 else f"Measured from {dates[0]} to {dates[-1]}."
    text += " The machine is that of the last part." if len(dates) > 1 else ""
    loads = sorted(part["load"] for part in parts if "load" in part)
    if loads:
        between = f"{loads[0]}" if loads[0] == loads[-1] else f"{loads[0]} to {loads[-1]}"
        text += f"\nThe machine's load average over five minutes was {between} at the ends of the parts"
        niceness = min(part.get("niceness", 0) for part in parts)
        text += f";\nthey ran at niceness {niceness}, before whatever else it did." if niceness else "."
    return text + "\n"


def _latency(parts: Mapping[str, Sequence[Run]], rate: float) -> list[str]:
    """What requests take by the rules of their route."""
    runs = parts.get("latency", ())
    if not runs:
        return []
    rows = []
    for key, name in latency.PERCENTILES.items():
        found = latency.medians(runs, key)
        times = [
            f"{found[way]:.2f} ms ({found[way] / found['alone']:.2f})" if way in found else ""
            for way in latency.WAYS[:-1]
        ]
        rows.append([name, *times, f"{found['alone']:.2f} ms", str(len(runs))])
    told = LATENCY.format(rate=rate, seconds=latency.SECONDS, users=latency.USERS)
    return [told, table(("", "with the fallback", "with users kept, too", "alone", "runs"), rows)]


def _flat(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    if "flat" not in parts:
        return []
    rows = []
    for what, title in WORKS.items():
        runs = [one for one in parts["flat"] if one["what"] == what]
        if runs:
            ours, other = spread(runs, "ours"), spread(runs, "flat")
            rows.append([title, ours, other, f"{flat.ratio(runs):.2f}", str(len(runs))])
    return [FLAT.format(limit=flat.LIMIT), table(("", "ours", "flat", "ratio", "runs"), rows)]

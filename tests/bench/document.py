"""Writes docs/measurements.md from the raw results: the frame is here, every figure comes from a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench import faults, flat, judge_document, judged, latency
from tests.bench.results import Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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

ABORT = """
## Taking auth-api back from 50 %

From the start of the command. *Routes at the gateway*: Envoy's own route table has no canary any more, looked at
every 20 ms. *Last answer from the canary*: seen by the load, requests in flight included. *Agreement*: for ours the
end of the command, when config, cluster and state say phase 0; for Argo Rollouts the moment when the Rollout says
Degraded, which leaves the new image in its spec until somebody takes it out, and the canary's pods for 30 s.
"""

WHERE = """
### Where the time goes

Seconds since the start of the command. The last answer is timed by the load and Envoy's routes by a look every
20 ms, so these two may change places.
"""

MOVES = """
## The moves of a rollout

auth-api from off to promotion, beside the same service as a Rollout of Argo Rollouts with the same pods, gateway,
load and ladder (`setHeaderRoute`, then `setWeight` 5, 20, 50, 100, a pause after each). *Routes*: the gateway's Envoy
follows the new split. *Done*: for ours the end of `pulumi up`, for Argo the moment when the Rollout pauses at the
next step (a promotion: is Healthy). Ours starts a program that reads the whole stack and asks AWS and Kubernetes for
every move; Argo's controller is there already. The commands of Argo are its kubectl plugin's, and a new image is a
patch of the Rollout.
"""

SWAP = """
## A new image in mid-canary, at 20 %

Ours refuses it while the canary has weight, and names the way: phase 1 with the old image, then the new one; *done*
is when the header reaches the new image. Argo Rollouts takes it, goes back to weight 0 and begins its steps anew.
"""

CHART = """
## A whole rollout

The first of the rollouts above; a line stands where the gateway's Envoy followed the new split.

![Share of the canary and failed requests over time, from off to promotion](rollout.svg)
"""

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

JUDGED = """
## A canary that falls sick while it is watched

auth-api at 5 %, {rate:.0f} requests a second; after {quiet:.0f} s of health the canary falls sick. Ours is
`eco2 climb`; beside it Argo Rollouts' analysis in the background, with the rule of its documentation: every 30 s, a
success rate of 99 % in the last minute, failed after more than three such measurements. Both ask the same Prometheus.
Seconds from the fault to routes without the canary; *never*: not within {longest:.0f} s.
"""

PHASES = {
    "1": "start: the header reaches the canary",
    "2": "to 5 %",
    "3": "to 20 %",
    "4": "to 50 %",
    "5": "to 100 %",
    "promotion": "promotion: stable has the new image",
}
BACK = {
    "abort": "`eco2 abort`",
    "plain": "phase 0 and `pulumi up`",
    "argo-abort": "Argo Rollouts: `abort`",
}
STRUCK = (
    ("the process runs, its modules are loaded, and the routes are written at the API", "struck"),
    ("the gateway's Envoy follows", "routes"),
    ("the last answer from the canary", "canary"),
    ("phase 0 is in the stack's file, and the update starts", "updating"),
    ("the canary's deletion begins: the program has run, the rest of the pause follows", "deleting"),
    ("the canary's Deployment is gone", "deleted"),
    ("the command ends", "done"),
)
PLAIN = (
    ("the program has run, and the routes are written at the API", "written"),
    ("the gateway's Envoy follows", "routes"),
    ("the last answer from the canary", "canary"),
    ("the canary's deletion begins: the pause follows", "deleting"),
    ("the canary's Deployment is gone", "deleted"),
    ("the command ends", "done"),
)
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
    text += [_when(told), *_back(parts), *_moves(parts), *_swap(parts), *_faults(parts)]
    text += [*_latency(parts, rate), *_judged(parts, rate), *_flat(parts)]
    text += [judge_document.section(parts["judge"])] if "judge" in parts else []
    return "\n".join(part.strip("\n") + "\n" for part in text if part)


def _faults(parts: Mapping[str, Sequence[Run]]) -> list[str]:
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


def _judged(parts: Mapping[str, Sequence[Run]], rate: float) -> list[str]:
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


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _when(told: Mapping[str, Any]) -> str:
    """When it was, and what else the machine did meanwhile."""
    parts = told["parts"].values()
    dates = sorted({part["date"] for part in parts})
    text = f"Measured on {dates[0]}." if len(dates) == 1 else f"Measured from {dates[0]} to {dates[-1]}."
    loads = sorted(part["load"] for part in parts if "load" in part)
    if loads:
        between = f"{loads[0]}" if loads[0] == loads[-1] else f"{loads[0]} to {loads[-1]}"
        text += f"\nThe machine's load average over five minutes was {between} at the ends of the parts"
        niceness = min(part.get("niceness", 0) for part in parts)
        text += f";\nthey ran at niceness {niceness}, before whatever else it did." if niceness else "."
    return text + "\n"


def _spread(runs: Iterable[Run], key: str) -> str:
    found = Spread.of(one.get(key) for one in runs)
    return str(found) if found else "-"


def _requests(runs: Iterable[Run]) -> list[str]:
    rows = list(runs)
    return [f"{sum(one['sent'] for one in rows):,}", f"{sum(one['failed'] for one in rows):,}"]


def _back(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    measured = [name for name in BACK if name in parts]
    if not measured:
        return []
    head = (
        "",
        "routes at the gateway",
        "last answer from the canary",
        "agreement",
        "runs",
        "requests",
        "failed",
    )
    rows = [
        [
            BACK[name],
            *(_spread(parts[name], key) for key in ("routes", "canary", "done")),
            str(len(parts[name])),
            *_requests(parts[name]),
        ]
        for name in measured
    ]
    text = [ABORT, table(head, rows)]
    for name, milestones in (("abort", STRUCK), ("plain", PLAIN)):
        if name in parts:
            told = [[what, _spread(parts[name], key)] for what, key in milestones]
            text += [WHERE if name == measured[0] else "", table((BACK[name], ""), told)]
    return text


def _moves(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    measured = [name for name in ("moves", "argo-moves") if name in parts]
    if not measured:
        return []
    head, rows = ["move"], [[title] for title in PHASES.values()]
    for name in measured:
        own = "ours" if name == "moves" else "Argo"
        head += [f"{own}: routes", f"{own}: done", f"{own}: failed of requests"]
        for row, phase in zip(rows, PHASES, strict=True):
            made = [move for one in parts[name] for move in one["moves"] if move["move"] == phase]
            sent, failed = _requests(made)
            row += [_spread(made, "routes"), _spread(made, "done"), f"{failed} of {sent}"]
    runs = ", ".join(f"{len(parts[name])} {'ours' if name == 'moves' else 'Argo'}" for name in measured)
    text = [MOVES, table(head, rows), f"Whole rollouts: {runs}."]
    return [*text, *([CHART] if "moves" in parts else [])]


def _swap(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    named: dict[str, Callable[[Sequence[Run]], list[str]]] = {
        "swap": lambda runs: ["ours", _spread(runs, "refused")],
        "argo-swap": lambda _: ["Argo Rollouts", "not refused"],
    }
    rows = [
        [
            *begin(parts[name]),
            _spread(parts[name], "routes"),
            _spread(parts[name], "done"),
            str(len(parts[name])),
            *_requests(parts[name]),
        ]
        for name, begin in named.items()
        if name in parts
    ]
    head = ("", "refused after", "no weight at the gateway", "done", "runs", "requests", "failed")
    return [SWAP, table(head, rows)] if rows else []


def _flat(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    if "flat" not in parts:
        return []
    rows = []
    for what, title in WORKS.items():
        runs = [one for one in parts["flat"] if one["what"] == what]
        if runs:
            ours, other = _spread(runs, "ours"), _spread(runs, "flat")
            rows.append([title, ours, other, f"{flat.ratio(runs):.2f}", str(len(runs))])
    return [FLAT.format(limit=flat.LIMIT), table(("", "ours", "flat", "ratio", "runs"), rows)]

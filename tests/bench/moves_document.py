"""What docs/measurements.md says of moves: taking back, going up, and a new image in mid-canary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.tables import requests, spread, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Run = Mapping[str, Any]

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


def taken_back(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    """How long a service takes to be back at stable, and where the time goes."""
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
            *(spread(parts[name], key) for key in ("routes", "canary", "done")),
            str(len(parts[name])),
            *requests(parts[name]),
        ]
        for name in measured
    ]
    text = [ABORT, table(head, rows)]
    for name, milestones in (("abort", STRUCK), ("plain", PLAIN)):
        if name in parts:
            told = [[what, spread(parts[name], key)] for what, key in milestones]
            text += [WHERE if name == measured[0] else "", table((BACK[name], ""), told)]
    return text


def moves(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    """What each move of a rollout takes."""
    measured = [name for name in ("moves", "argo-moves") if name in parts]
    if not measured:
        return []
    head, rows = ["move"], [[title] for title in PHASES.values()]
    for name in measured:
        own = "ours" if name == "moves" else "Argo"
        head += [f"{own}: routes", f"{own}: done", f"{own}: failed of requests"]
        for row, phase in zip(rows, PHASES, strict=True):
            made = [move for one in parts[name] for move in one["moves"] if move["move"] == phase]
            sent, failed = requests(made)
            row += [spread(made, "routes"), spread(made, "done"), f"{failed} of {sent}"]
    runs = ", ".join(f"{len(parts[name])} {'ours' if name == 'moves' else 'Argo'}" for name in measured)
    text = [MOVES, table(head, rows), f"Whole rollouts: {runs}."]
    return [*text, *([CHART] if "moves" in parts else [])]


def swap(parts: Mapping[str, Sequence[Run]]) -> list[str]:
    """What a new image in mid-canary meets."""
    named: dict[str, Callable[[Sequence[Run]], list[str]]] = {
        "swap": lambda runs: ["ours", spread(runs, "refused")],
        "argo-swap": lambda _: ["Argo Rollouts", "not refused"],
    }
    rows = [
        [
            *begin(parts[name]),
            spread(parts[name], "routes"),
            spread(parts[name], "done"),
            str(len(parts[name])),
            *requests(parts[name]),
        ]
        for name, begin in named.items()
        if name in parts
    ]
    head = ("", "refused after", "no weight at the gateway", "done", "runs", "requests", "failed")
    return [SWAP, table(head, rows)] if rows else []

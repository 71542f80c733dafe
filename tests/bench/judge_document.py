"""The judge's section of docs/measurements.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEAD = """
## The judge beside the rules of others

Simulated: counts of requests by version, from fixed seeds, judged by every rule (`make bench PARTS=judge`). A rollout
is two hours at a weight of 5 %. *Ours*: margin 0.5 points, 1 % false alarms shared by two measures, looked at every
5 s (every second where the canary is worse by 5 points or more). *Argo Rollouts*: interval 30 s, `failureLimit` 3,
success rate of at least 99 %. *Flagger*: interval 1 min, threshold 5, 99 %. Both look at the canary alone, and an
interval without requests does not count. *Kayenta*: Mann-Whitney at 98 % on shares a minute, in three windows of
10 min, without its limits on the size of an effect. Each cell: the share of rollouts called sick, and the median time
until then.
"""

GROUPS = {
    "same": """
### Both versions are the same

Each verdict is a false alarm. Where nothing fails, all rollouts are alike, so there are fewer of them.
""",
    "worse": """
### The canary is worse

200 requests a second, stable fails 0.1 %. 0.5 points are the margin, so ours must not call it sick. *Failed*: the
median of the canary's failed requests until the verdict, or in the two hours.
""",
    "shared": """
### What both meet, and what the judge assumes

200 requests a second, unless told otherwise. Each verdict is a false alarm but the last row's: a client that fails and
meets only the canary cannot be told from a sick canary.
""",
    "late": """
### A canary that falls sick late

200 requests a second, stable fails 0.1 %. Times count from the moment when it falls sick.
""",
}
WELL = """
### Called well

200 requests a second; at the margin of 0.5 points and above, each is a false one.
"""
RULES = {"ours": "ours", "argo": "Argo Rollouts", "flagger": "Flagger", "kayenta": "Kayenta"}


def section(runs: Sequence[Mapping[str, Any]]) -> str:
    """The section.

    Args:
        runs: One a kind of rollouts, as `judge.compare` yields them.
    """
    text = [HEAD]
    for group, told in GROUPS.items():
        own = [one for one in runs if one["group"] == group]
        if own:
            with_failed = group in ("worse", "late")
            head = ["", "rollouts"]
            for name in RULES.values():
                head += [name, f"{name}: failed"] if with_failed else [name]
            rows = [head, ["---"] * len(head)]
            rows += [[one["kind"], f"{one['rollouts']:,}", *_cells(one, with_failed)] for one in own]
            text.append(told + "\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n")
    if well := [one for one in runs if one["group"] == "well"]:
        rows = [["", "rollouts", "called well"], ["---"] * 3]
        for one in well:
            found = one["ours"]
            when = f", {found['median']:,} s" if found["median"] is not None else ""
            rows.append([one["kind"], f"{one['rollouts']:,}", f"{found['well'] / one['rollouts']:.2%}{when}"])
        text.append(WELL + "\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n")
    return "".join(text)


def _cells(one: Mapping[str, Any], with_failed: bool) -> list[str]:
    cells = []
    for rule in RULES:
        found = one[rule]
        cell = f"{found['sick'] / one['rollouts']:.2%}"
        if found["median"] is not None:
            cell += f", {found['median']:,} s"
        if found["early"]:
            cell += f" ({found['early'] / one['rollouts']:.2%} before it was)"
        cells += [cell, f"{found['hurt']:,}"] if with_failed else [cell]
    return cells

"""The plan of an update in words, for a terminal and for Pulumi's log."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from rollout.plan.order import Direction
from rollout.spec.instances import MIB

if TYPE_CHECKING:
    from rollout.diff.differences import Beside
    from rollout.guards.refusal import Refusal
    from rollout.report.cost import Extra
    from rollout.report.report import Report, Room, ServiceChange

LABEL_WIDTH = 10
RESTARTS = "restarts"
NOUNS = {
    RESTARTS: ("restart", "restarts"),
    "deleted": ("deletion", "deletions"),
    "replaced": ("replacement", "replacements"),
    "renewed": ("renewal of nodes", "renewals of nodes"),
    "changed": ("change", "changes"),
    "made": ("new object", "new objects"),
}
"""What each of the things beside rollouts is called where they are counted: one, and several."""

ARROW = " → "


def summary(found: Report) -> str:
    """A few lines: what changes and nothing else, a line or two for each service."""
    lines = [title(found)]
    fresh = newcomers(found)
    if fresh:
        lines.append(f"come up without a canary: {', '.join(one.service for one in fresh)}")
    for one in found.changes:
        if one not in fresh:
            lines.append(f"{one.service}: {headline(one)}")
            lines.append(f"  then {meets(one)}" + (f"; order: {order(one)}" if one.order else ""))
    return "\n".join(lines)


def text(found: Report, width: int | None = None) -> str:
    """The whole report.

    Args:
        found: The report.
        width: Where to break lines; None: nowhere.
    """
    lines = [title(found)]
    if found.first:
        lines.append("No outputs of an earlier update are known: every service counts as new.")
    lines += [line for refusal in found.refused for line in _refused(refusal)]
    fresh = newcomers(found)
    if fresh:
        lines += ["", f"come up without a canary: {', '.join(one.service for one in fresh)}"]
    for one in found.changes:
        if one not in fresh and not one.refused:
            lines += ["", f"{one.service}: {headline(one)}"]
            lines += [f"  {label:{LABEL_WIDTH}}{value}" for label, value in details(one)]
    if found.beside:
        lines += ["", "beside rollouts"]
        lines += [f"  {one.does:{LABEL_WIDTH}}{aside(one)}" for one in found.beside]
    if found.rooms and not found.first:
        lines += ["", "room on the nodes, by what pods request"]
        lines += [f"  {one.domain:{LABEL_WIDTH + 6}}{room(one)}" for one in found.rooms]
    if found.changes and found.total.canary.pods:
        lines += ["", f"all canaries: {cost(found.total)}"]
    lines += [line for warning in found.warnings for line in ("", f"warning: {warning}")]
    if width:
        lines = [part for line in lines for part in _wrapped(line, width)]
    return "\n".join(lines)


def _refused(one: Refusal) -> list[str]:
    lines = ["", f"refused: {one.service}: {one.finding}"]
    if one.command:
        lines.append(f"  {'next':{LABEL_WIDTH}}{one.command}")
    return [*lines, f'  {"overrule":{LABEL_WIDTH}}eco2:overrule: {{{one.service}: "reason"}}']


def title(found: Report) -> str:
    """One line: how many services change, and whether they may."""
    of = len(found.changes) + len(found.unchanged)
    if found.refused:
        refused = len({one.service for one in found.refused})
        return f"plan for {found.stack}: refused for {_count(refused, 'service')}, nothing would be changed"
    if not found.changes:
        return f"plan for {found.stack}: no rollout of the {of} services changes{_beside(found)}"
    moving = len(found.changes)
    rest = f"; the other {len(found.unchanged)} stay as they are" if found.unchanged else ""
    if found.beside:
        # Pods of these may restart all the same.
        rest = _beside(found)
    return f"plan for {found.stack}: {moving} of {of} services change{'s' if moving == 1 else ''}{rest}"


def aside(one: Beside) -> str:
    """What happens beside rollouts, in one line: `auth-relay: variable LOG_LEVEL changed`."""
    what = f"pods of {', '.join(one.what)}" if one.does == RESTARTS else ", ".join(one.what)
    return f"{what}: {'; '.join(one.why)}" if one.why else what


def _beside(found: Report) -> str:
    """How much happens beside rollouts: `; beside rollouts 1 restart, 2 deletions`."""
    counts = Counter[str]()
    for one in found.beside or ():
        counts[one.does] += len(one.what)
    words = [f"{count} {NOUNS[does][count > 1]}" for does, count in counts.items()]
    return f"; beside rollouts {', '.join(words)}" if words else ""


def headline(one: ServiceChange) -> str:
    """Version, from where to where, pods: `auth-api-0.8.0, from 5 % to 20 %, 1 pod added`."""
    return ", ".join(part for part in (what(one), way(one), pods_added(one)) if part)


def what(one: ServiceChange) -> str:
    """The version that it is about."""
    before, after = one.before, one.after
    if one.direction is Direction.PROMOTE:
        return f"{after.stable} becomes stable"
    parts = []
    if before and before.stable != after.stable:
        parts.append(f"stable {before.stable}{ARROW}{after.stable}")
    old = before.canary if before else None
    if after.canary and old and old != after.canary:
        parts.append(f"canary {old}{ARROW}{after.canary}")
    elif shown := after.canary or old:
        parts.append(shown)
    return ", ".join(parts) or after.stable


def way(one: ServiceChange) -> str:
    """From which share to which."""
    old, new = one.before.level if one.before else "off", one.after.level
    if old == new:
        return "" if one.after.phase == 0 else f"stays at {new}"
    return f"from {old} to {new}"


def pods_added(one: ServiceChange) -> str:
    """How many pods come or go."""
    if one.added == 0:
        return "no pods added"
    return f"{_count(abs(one.added), 'pod')} {'added' if one.added > 0 else 'fewer'}"


def details(one: ServiceChange) -> list[tuple[str, str]]:
    """What the headline leaves out, as labels and values."""
    before, after = one.before, one.after
    phases = f"{before.phase}{ARROW}{after.phase}" if before else f"{after.phase}, new"
    pods = f"stable {_moved(before.stable_pods if before else None, after.stable_pods)}"
    if after.canary_pods or (before and before.canary_pods):
        pods += f", canary {_moved(before.canary_pods if before else None, after.canary_pods)}"
    rows = [("phase", phases), ("traffic", meets(one)), ("images", _images(one)), ("pods", pods)]
    if order(one):
        rows.append(("order", order(one)))
    if one.extra.canary.pods:
        rows.append(("cost", cost(one.extra)))
    return rows


def meets(one: ServiceChange) -> str:
    """What users meet afterwards."""
    falls_back = "; falls back to stable" if one.falls_back else ""
    if one.with_header == one.without_header:
        return f"everybody meets {one.without_header}{falls_back}"
    keeps = f"; users keep their version by the {one.keeps}" if one.keeps else ""
    return f"with the header: {one.with_header}; without: {one.without_header}{falls_back}{keeps}"


def order(one: ServiceChange) -> str:
    """What happens one after the other."""
    return ARROW.join(one.order)


def cost(extra: Extra) -> str:
    """What canaries add, beside blue-green."""
    pods, cpu, memory = extra.percent
    return (
        f"{_count(extra.canary.pods, 'pod')}, {extra.canary.requests}: {pods:g} % of stable's pods, {cpu:g} % of "
        f"its CPU, {memory:g} % of its memory; blue-green adds 100 %"
    )


def room(one: Room) -> str:
    """What a domain's nodes have and what is asked of them."""
    asked, node = one.asked.requests, one.node
    nodes = f"{one.nodes} {node.instance_type} node{'' if one.nodes == 1 else 's'}"
    sums = (
        f"{asked.cpu_millicores}m of {node.cpu_millicores * one.nodes}m CPU, "
        f"{asked.memory_bytes // MIB}Mi of {node.memory_bytes // MIB * one.nodes}Mi, "
        f"{one.asked.pods} of {node.pods * one.nodes} pods"
    )
    return f"{'fits on' if one.fits else 'does not fit on'} {nodes}: {sums}"


def newcomers(found: Report) -> tuple[ServiceChange, ...]:
    """Services that come up without a canary: one line holds all that there is to say of them."""
    return tuple(one for one in found.changes if one.before is None and one.after.phase == 0)


def _images(one: ServiceChange) -> str:
    before, after = one.before, one.after
    stable = f"stable {_moved(before.stable if before else None, after.stable)}"
    old = before.canary if before else None
    if after.canary is None:
        return f"{stable}, canary {old} goes" if old else stable
    return f"{stable}, canary {_moved(old, after.canary)}"


def _moved(before: str | int | None, after: str | int | None) -> str:
    return f"{after}" if before is None or before == after else f"{before}{ARROW}{after}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _wrapped(line: str, width: int) -> list[str]:
    labelled = line.startswith("  ")
    if labelled and line.split(maxsplit=1)[0] == "next":
        return [line]  # a command that is broken cannot be copied
    indent = " " * (LABEL_WIDTH + 2 if labelled else 2)
    return textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]

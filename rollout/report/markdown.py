"""The plan of an update as Markdown: one comment of a pull request, found again by its first line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollout.guards.rules import TITLES, place
from rollout.plan.order import Direction
from rollout.report import text as wording
from rollout.text.markdown import block, code, indented, prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollout.guards.refusal import Refusal
    from rollout.problems import Problem
    from rollout.report.report import Report, ServiceChange

HEAD: Final = ("service", "version", "canary gets", "pods")
DETAILS: Final = ("service", "phase", "with the header", "without it", "order")


def marker(stack: str) -> str:
    """The hidden line by which the comment of a stack is found again, to be updated and not repeated."""
    return f"<!-- eco2-plan {stack} -->"


def markdown(found: Report, root: str = "") -> str:
    """The comment for an update: refusals first, then one row for each service that changes.

    Args:
        found: The report.
        root: What stands before a path of the repository in a link: `https://.../blob/HEAD/`.
    """
    blocks = [marker(found.stack), f"### {prose(_upper(wording.title(found)))}"]
    blocks += [_refusal(one, root) for one in found.refused]
    fresh = wording.newcomers(found)
    changes = [one for one in found.changes if not one.refused and one not in fresh]
    if found.first:
        blocks.append("No outputs of an earlier update are known, so every service counts as new.")
    if found.refused and changes:
        blocks.append("What the rest of this change would do:")
    if fresh:
        blocks.append(f"Come up without a canary: {_names(fresh)}.")
    if changes:
        blocks += [_table(HEAD, map(_row, changes)), _more(found, changes)]
    if found.beside:
        lines = [f"- {one.does}: {prose(wording.aside(one))}" for one in found.beside]
        blocks.append("\n".join(["**Beside rollouts**", "", *lines]))
    if found.warnings:
        blocks.append("\n".join(["**Warnings**", "", *(f"- {prose(one)}" for one in found.warnings)]))
    return "\n\n".join(blocks) + "\n"


def markdown_of_problems(stack: str, problems: Sequence[Problem]) -> str:
    """The comment for files that hold mistakes, so that there is no plan."""
    count = f"{len(problems)} mistake{'' if len(problems) == 1 else 's'}"
    lines = [
        f"- {code(': '.join(part for part in (one.file, one.key) if part))}: {prose(one.reason)}"
        for one in problems
    ]
    return (
        "\n\n".join(
            [marker(stack), f"### No plan for {stack}: {count}, nothing would be changed", "\n".join(lines)]
        )
        + "\n"
    )


def markdown_of_failure(stack: str, reason: str) -> str:
    """The comment where something could not be read, so that no plan of an earlier push stays in its place.

    Args:
        stack: The stack's name.
        reason: What could not be read, in any number of lines, and in the words of another program.
    """
    return (
        "\n\n".join([marker(stack), f"### No plan for {stack}: it could not be made", indented(reason)])
        + "\n"
    )


def _refusal(one: Refusal, root: str) -> str:
    rule = f"[rule {one.rule} ({prose(TITLES[one.rule])})]({root}{place(one.rule)})"
    overrule = f'eco2:overrule: {{{one.service}: "reason"}}'
    return "\n".join(
        [
            f"**{prose(one.service)}** is refused by {rule}: {prose(one.step)}",
            "",
            *(["The next step:", block(one.command.replace(" && ", "\n"), "sh")] if one.command else []),
            f"To overrule, in the stack's file: {code(overrule)}",
        ]
    )


def _row(one: ServiceChange) -> tuple[str, ...]:
    before, after = one.before, one.after
    what = wording.what(one)
    version = prose(what) if wording.ARROW in what else code(what)
    old, new = before.level if before else "off", after.level
    if one.direction is Direction.PROMOTE:
        version, new = f"{code(after.stable)} becomes stable", "promoted"
    gets = f"**{new}**" if old == new else f"{old}{wording.ARROW}**{new}**"
    return f"**{prose(one.service)}**", version, gets, wording.pods_added(one)


def _more(found: Report, changes: Sequence[ServiceChange]) -> str:
    rows = (
        (
            f"**{prose(one.service)}**",
            dict(wording.details(one))["phase"],
            one.with_header,
            one.without_header,
            wording.order(one) or "nothing waits",
        )
        for one in changes
    )
    blocks = [
        "<details><summary>What requests meet, in which order, room and cost</summary>",
        _table(DETAILS, rows),
    ]
    if found.rooms and not found.first:
        rooms = [f"- {room.domain}: {wording.room(room)}" for room in found.rooms]
        blocks.append("\n".join(["Room on the nodes, by what pods request:", "", *rooms]))
    costs = [f"- {one.service}: {wording.cost(one.extra)}" for one in changes if one.extra.canary.pods]
    if found.total.canary.pods:
        costs.append(f"- all canaries: {wording.cost(found.total)}")
    if costs:
        blocks.append("\n".join(["What canaries cost beside stable:", "", *costs]))
    return "\n\n".join([*blocks, "</details>"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _names(changes: Iterable[ServiceChange]) -> str:
    return ", ".join(prose(one.service) for one in changes)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]

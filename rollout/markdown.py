"""The plan of an update as Markdown: one comment of a pull request, found again by its first line."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Final

from rollout import wording
from rollout.order import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rollout.guards import Refusal
    from rollout.problems import Problem
    from rollout.report import Change, Report

HEAD: Final = ("service", "version", "canary gets", "pods")
DETAILS: Final = ("service", "phase", "with the header", "without it", "order")


def marker(stack: str) -> str:
    """The hidden line by which the comment of a stack is found again, to be updated and not repeated."""
    return f"<!-- eco2-plan {stack} -->"


def markdown(found: Report) -> str:
    """The comment for an update: refusals first, then one row for each service that changes."""
    blocks = [marker(found.stack), f"### {_upper(wording.title(found))}"]
    blocks += [_refusal(one) for one in found.refused]
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
        lines = [f"- {one.does}: {_safe(wording.aside(one))}" for one in found.beside]
        blocks.append("\n".join(["**Beside rollouts**", "", *lines]))
    if found.warnings:
        blocks.append("\n".join(["**Warnings**", "", *(f"- {_safe(one)}" for one in found.warnings)]))
    return "\n\n".join(blocks) + "\n"


def markdown_of_problems(stack: str, problems: Sequence[Problem]) -> str:
    """The comment for files that hold mistakes, so that there is no plan."""
    count = f"{len(problems)} mistake{'' if len(problems) == 1 else 's'}"
    lines = [
        f"- `{': '.join(part for part in (one.file, one.key) if part)}`: {_safe(one.reason)}"
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
    # Indented, nothing in it is Markdown, whatever it holds.
    quoted = indent("\n".join(reason.splitlines()), " " * 4)
    return "\n\n".join([marker(stack), f"### No plan for {stack}: it could not be made", quoted]) + "\n"


def _refusal(one: Refusal) -> str:
    return "\n".join(
        [
            f"**{one.service}** is refused by {_safe(one.finding)}",
            "",
            *(["The next step:", "```sh", one.command.replace(" && ", "\n"), "```"] if one.command else []),
            f'To overrule, in the stack\'s file: `eco2:overrule: {{{one.service}: "reason"}}`',
        ]
    )


def _row(one: Change) -> tuple[str, ...]:
    before, after = one.before, one.after
    version = f"`{wording.what(one)}`" if wording.ARROW not in wording.what(one) else wording.what(one)
    old, new = before.level if before else "off", after.level
    if one.direction is Direction.PROMOTE:
        version, new = f"`{after.stable}` becomes stable", "promoted"
    gets = f"**{new}**" if old == new else f"{old}{wording.ARROW}**{new}**"
    return f"**{one.service}**", version, gets, wording.pods_added(one)


def _more(found: Report, changes: Sequence[Change]) -> str:
    rows = (
        (
            f"**{one.service}**",
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


def _names(changes: Iterable[Change]) -> str:
    return ", ".join(one.service for one in changes)


def _safe(text: str) -> str:
    """Text of a message inside Markdown: nothing in it may become a heading, a link, a mention or HTML."""
    for sign in "\\`*_[]<>#|@":
        text = text.replace(sign, f"\\{sign}" if sign != "@" else "&#64;")
    return text


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]

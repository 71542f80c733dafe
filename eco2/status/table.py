"""All services in one table, a line each; below it what disagrees, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eco2.status.words import remedies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eco2.status.live import Deployment
    from eco2.status.snapshot import Snapshot, Status


def table(snapshot: Snapshot) -> Group:
    """The status as a table; what lacks ready pods is red, and what disagrees is marked."""
    counted = any(line.measured and line.measured.count for line in snapshot.services)
    columns = ["service", "phase", "canary gets", "stable", "canary", "node group"]
    shown = Table(*columns, *(["measured"] if counted else []), box=None, pad_edge=False)
    for line in snapshot.services:
        cells: list[str | Text] = [
            line.service,
            _phase(line),
            _share(line),
            _pods(line.live.stable),
            _pods(line.live.canary),
            line.node_group,
        ]
        moving = "bold" if line.live.canary else ""
        if counted:
            cells.append(_measured(line))
        shown.add_row(*cells, style=moving)
    notes = [Text(f"! {note}", style="yellow") for note in snapshot.notes]
    return Group(shown, *disagreements(snapshot, snapshot.services), *notes)


def disagreements(snapshot: Snapshot, services: Sequence[Status]) -> list[Text]:
    """What is wrong with some services, each in a line, and the commands that end it, each once.

    Aborts come first: an update is about all services, and would bring back what is to be taken back.
    """
    found, commands = [], dict[str, None]()
    for line in services:
        found += [Text(f"! {line.service}: {alarm}", style="bold red") for alarm in line.alarms]
        found += [Text(f"! {line.service}: {difference}", style="yellow") for difference in line.differences]
        commands |= dict.fromkeys(remedies(line, snapshot))
    ordered = sorted(commands, key=lambda command: not command.startswith("eco2 abort"))
    return found + [Text(f"  → {command}", style="cyan") for command in ordered]


def _phase(line: Status) -> str:
    now = line.phase or "?"
    changed = line.wanted and line.applied and str(line.wanted) != str(line.applied)
    return f"{now} → {line.wanted}" if changed else now


def _share(line: Status) -> str:
    if line.live.canary is None and not line.live.share and not any(line.live.routing.weights):
        return "-"
    if line.live.share is None:
        return "mixed" if line.live.routing.weights else "?"
    return f"{line.live.share:g} %"


def _pods(deployment: Deployment | None) -> Text:
    if deployment is None:
        return Text("-")
    text = f"{deployment.ready}/{deployment.wanted}"
    return Text(text, style="" if deployment.ready >= deployment.wanted else "red")


def _measured(line: Status) -> str:
    if line.measured is None or not line.measured.count:
        return "-"
    share = line.measured.canary_share()
    return f"{line.measured.count} requests" if share is None else f"{share:.1f} %"

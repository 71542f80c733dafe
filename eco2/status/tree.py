"""Services as trees: stable and canary, their ReplicaSets, their pods, and the warnings about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from eco2.status.table import disagreements
from eco2.status.words import STYLES, age, ago, icons, measured
from rollout.traffic.kinds import by_weight

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from eco2.status.events import Event
    from eco2.status.live import Deployment
    from eco2.status.pods import PodStatus
    from eco2.status.snapshot import Snapshot, Status

SHOWN_WARNINGS = 5
SHOWN_LENGTH = 200
"""Characters of an event; the scheduler's are shown whole."""


@dataclass(frozen=True)
class _Row:
    """One line of a tree.

    Attributes:
        depth: The lines that lead to it: whether more follows on each level above, and on its own.
        name: What it is.
        mark: An icon's name.
        word: The state in words.
        created: When it came to be.
        info: Its revision, or restarts and node.
    """

    depth: tuple[bool, ...]
    name: str
    mark: str
    word: str
    created: str = ""
    info: str = ""


def tree(snapshot: Snapshot, encoding: str = "utf-8") -> Group:
    """The services of a snapshot, one below the other.

    Args:
        snapshot: What was seen.
        encoding: The terminal's; without UTF-8, icons and lines are plain letters.
    """
    head = Text(f"stack {snapshot.stack}, context {snapshot.context}", style="dim")
    # A window may end before the tree does, so what matters comes first.
    parts: list[RenderableType] = [head, *(Text(f"! {note}", style="yellow") for note in snapshot.notes)]
    for status in snapshot.services:
        parts += [Text(), *_heading(status, snapshot.header), *disagreements(snapshot, [status])]
        parts += [_body(status, snapshot, encoding), *_warnings(status, snapshot, encoding)]
    return Group(*parts)


def _heading(status: Status, header: str) -> list[Text]:
    title = Text.assemble((status.service, "bold"), f"  phase {status.phase or '?'}")
    if status.wanted and status.applied and str(status.wanted) != str(status.applied):
        title.append(f", config {status.wanted}", style="yellow")
    wanted, applied = (f"{step.share:g} %" if step else "?" for step in (status.wanted, status.applied))
    by = "weight" if by_weight(status.kind) else "share, by pods"
    lines = [title, Text(f"{by}: config {wanted}, applied {applied}, cluster {_cluster(status, header)}")]
    if told := measured(status.measured):
        lines.append(Text(f"measured: {told}"))
    images = [
        f"{role} {deployment.image.short}"
        for role, deployment in (("stable", status.live.stable), ("canary", status.live.canary))
        if deployment
    ]
    return [*lines, Text(f"images: {', '.join(images)}")] if images else lines


def _cluster(status: Status, header: str) -> str:
    routing, share = status.live.routing, status.live.share
    if share is None:
        return " and ".join(f"{weight} %" for weight in routing.weights) or "no routes"
    named = f" ({header})" if header else ""
    return f"{share:g} %" + (f", header{named} to canary" if routing.header else "")


def _body(status: Status, snapshot: Snapshot, encoding: str) -> Table:
    plain = icons(encoding) is not icons("utf-8")
    shown = Table("name", "state", "age", "info", box=None, pad_edge=False, header_style="dim")
    shown.columns[0].no_wrap = shown.columns[1].no_wrap = True
    shown.columns[2].justify = "right"
    for row in _rows(status):
        shown.add_row(
            _guides(row.depth, plain=plain) + row.name,
            Text(f"{icons(encoding)[row.mark]} {row.word}", style=STYLES[row.mark]),
            age(row.created, snapshot.at),
            row.info,
        )
    return shown


def _guides(depth: Sequence[bool], *, plain: bool) -> str:
    more, none, branch, last = ("|  ", "   ", "|- ", "`- ") if plain else ("│  ", "   ", "├─ ", "└─ ")
    above = "".join(more if follows else none for follows in depth[:-1])
    return above + (branch if depth[-1] else last)


def _rows(status: Status) -> Iterator[_Row]:
    live = status.live
    parts = [("stable", live.stable), ("canary", live.canary)]
    parts += [(one.name, one) for one in live.companions]
    for number, (role, deployment) in enumerate(parts):
        follows = (number < len(parts) - 1,)
        if deployment is None:
            missing = role == "stable"
            yield _Row(follows, role, "bad" if missing else "off", "missing" if missing else "none")
            continue
        yield _deployment(follows, role, deployment)
        sets = deployment.replica_sets
        for position, one in enumerate(sets):
            under = (*follows, position < len(sets) - 1)
            mark, word = _ready(one.ready, one.wanted)
            info = f"revision {one.revision}"
            yield _Row(under, one.name, mark, word, one.created, info)
            for place, pod in enumerate(one.pods):
                yield _pod((*under, place < len(one.pods) - 1), pod)


def _deployment(depth: tuple[bool, ...], role: str, deployment: Deployment) -> _Row:
    mark, word = _ready(deployment.ready, deployment.wanted)
    return _Row(depth, role, mark, word, deployment.created)


def _ready(ready: int, wanted: int) -> tuple[str, str]:
    if not wanted:
        return ("ending", "scaled down") if not ready else ("ending", f"{ready} ending")
    return ("good" if ready >= wanted else "waiting" if ready else "bad"), f"{ready}/{wanted} ready"


def _pod(depth: tuple[bool, ...], pod: PodStatus) -> _Row:
    restarts = f"{pod.restarts} restarts" if pod.restarts else ""
    info = ", ".join(filter(None, (restarts, pod.node.partition(".")[0])))
    return _Row(depth, pod.name, pod.mark, pod.word, pod.created, info)


def _warnings(status: Status, snapshot: Snapshot, encoding: str) -> list[Text]:
    """Why pods are not ready, and events, in the cluster's own words and each once."""
    pods = [
        pod
        for deployment in (status.live.stable, status.live.canary, *status.live.companions)
        if deployment
        for one in deployment.replica_sets
        for pod in one.pods
        if pod.message
    ]
    icon = icons(encoding)["warning"]
    told = [(f"{icon} {pod.word} {pod.name}: ", pod.message) for pod in pods]
    told += [(_head(icon, event, snapshot), _shortened(event)) for event in status.events]
    once = {message: head for head, message in reversed(told)}
    lines = [Text(head + message, style="yellow") for message, head in reversed(once.items())]
    hidden = len(lines) - SHOWN_WARNINGS
    return lines[:SHOWN_WARNINGS] + (
        [Text(f"{icon} and {hidden} more", style="yellow")] if hidden > 0 else []
    )


def _head(icon: str, event: Event, snapshot: Snapshot) -> str:
    return f"{icon} {event.reason} {event.about}, {event.count} times, last {ago(snapshot.at - event.last)} ago: "


def _shortened(event: Event) -> str:
    whole = event.reason == "FailedScheduling" or len(event.message) <= SHOWN_LENGTH
    return event.message if whole else f"{event.message[:SHOWN_LENGTH]}..."

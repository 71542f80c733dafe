"""Tables of docs/measurements.md, and what several runs come to in one of their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.results import Spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Run = Mapping[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def spread(runs: Iterable[Run], key: str) -> str:
    """Median, least and most of what some runs measured, or a dash."""
    found = Spread.of(one.get(key) for one in runs)
    return str(found) if found else "-"


def requests(runs: Iterable[Run]) -> list[str]:
    """How many requests some runs sent, and how many of them failed."""
    rows = list(runs)
    return [f"{sum(one['sent'] for one in rows):,}", f"{sum(one['failed'] for one in rows):,}"]

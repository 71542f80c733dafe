"""The raw results in docs/measurements.json, and what is said of a series of figures."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.bench.machine import described
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RESULTS = ROOT / "docs" / "measurements.json"
DIGITS = 3


@dataclass(frozen=True)
class Spread:
    """What is said of a series.

    Attributes:
        median: The middle one.
        least: The smallest.
        most: The largest.
        runs: How many.
    """

    median: float
    least: float
    most: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Of a series; a run without the figure does not count; None if none has it."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        return cls(statistics.median(known), min(known), max(known), len(known))

    def __str__(self) -> str:
        return f"{self.median:.2f} s ({self.least:.2f} to {self.most:.2f})"


def read(file: Path = RESULTS) -> dict[str, Any]:
    """The results so far."""
    return json.loads(file.read_text("utf-8")) if file.exists() else {"parts": {}}


def keep(part: str, runs: list[dict[str, Any]], file: Path = RESULTS) -> None:
    """Keeps the runs of a part, in the place of earlier ones."""
    told = read(file)
    told["machine"] = described()
    date = datetime.now(UTC).date().isoformat()
    told["parts"][part] = {
        "date": date,
        "runs": [_rounded(one) for one in runs],
        # What else the machine did, and how far the measurement went before it.
        "load": round(os.getloadavg()[1], 1),
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
    }
    file.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", "utf-8")


def _rounded(one: Any) -> Any:
    if isinstance(one, float):
        return round(one, DIGITS)
    if isinstance(one, dict):
        return {key: _rounded(value) for key, value in one.items()}
    return [_rounded(value) for value in one] if isinstance(one, list) else one

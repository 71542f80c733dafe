"""What was counted of one service, in as many parts of the time as a chart can show."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from eco2.climb.events import Entry, Looked

VERSIONS: Final = ("stable", "canary")
MOST_SPANS: Final = 90
"""So many steps of a line can be told apart."""

SHORTEST_SPAN: Final = 10.0


@dataclass(frozen=True)
class Span:
    """What was counted in a part of the time.

    Attributes:
        begin: Seconds since the climb began.
        end: Likewise.
        requests: By version.
        failed: By version.
        latency_ms: By version, the mean of what the looks in it saw.
    """

    begin: float
    end: float
    requests: Mapping[str, float]
    failed: Mapping[str, float]
    latency_ms: Mapping[str, float]

    def failed_share(self, version: str) -> float | None:
        """The part of a version's requests that failed, 0 to 1; None without a request."""
        requests = self.requests.get(version, 0)
        return self.failed.get(version, 0) / requests if requests else None

    @property
    def canary_share(self) -> float | None:
        """The part of all requests that the canary answered, 0 to 1; None without a request."""
        answered = sum(self.requests.values())
        return self.requests.get("canary", 0) / answered if answered else None


def since(first: datetime, at: datetime) -> float:
    """The seconds from the first event to another."""
    return (at - first).total_seconds()


def spans(name: str, entries: Sequence[Entry], seconds: float) -> Iterator[Span]:
    """The parts of the time that are drawn; what is left at the end of a phase goes to the part before it."""
    first, length = entries[0].at, max(seconds / MOST_SPANS, SHORTEST_SPAN)
    looks = [
        (since(first, entry.at), entry.event)
        for entry in entries
        if entry.event.event == "looked" and entry.event.service == name
    ]
    end = 0.0
    for phase in _phases(looks):
        parts: list[list[tuple[float, Looked]]] = [[]]
        begin = begun = max(phase[0][0] - phase[0][1].seconds_in_phase, end)
        end = phase[-1][0]
        for at, look in phase:
            parts[-1].append((at, look))
            if at - begun >= length and end - at >= length / 2:
                parts.append([])
                begun = at
        requests, failed = _before(phase[0][1])
        for part in parts:
            yield _span(begin, part, requests, failed)
            begin, last = part[-1]
            requests, failed = last.requests, last.failed


def _phases(looks: Sequence[tuple[float, Looked]]) -> Iterator[list[tuple[float, Looked]]]:
    """Looks in whose order counts only rise: those of one phase."""
    phase: list[tuple[float, Looked]] = []
    for at, look in looks:
        if phase and (phase[-1][1].phase != look.phase or _fewer(look, phase[-1][1])):
            yield phase
            phase = []
        phase.append((at, look))
    if phase:
        yield phase


def _before(first: Looked) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """What a phase's first look has counted that came before it: at full weight, all of stable's."""
    if first.weight < FULL_WEIGHT:
        return {}, {}
    return {"stable": first.requests.get("stable", 0)}, {"stable": first.failed.get("stable", 0)}


def _span(
    begin: float,
    part: Sequence[tuple[float, Looked]],
    requests: Mapping[str, float],
    failed: Mapping[str, float],
) -> Span:
    """What came since a look that had counted so many."""
    end, last = part[-1]
    latencies = {
        version: [
            look.latency_ms[version]
            for _, look in part
            if isfinite(look.latency_ms.get(version, float("nan")))
        ]
        for version in VERSIONS
    }
    return Span(
        begin,
        end,
        {version: last.requests.get(version, 0) - requests.get(version, 0) for version in VERSIONS},
        {version: last.failed.get(version, 0) - failed.get(version, 0) for version in VERSIONS},
        {version: sum(every) / len(every) for version, every in latencies.items() if every},
    )


def _fewer(now: Looked, before: Looked) -> bool:
    return any(now.requests.get(version, 0) < before.requests.get(version, 0) for version in VERSIONS)

"""The events of a climb: what `--json` prints, the terminal shows and the report tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from rollout.judge.comparison import Answer
    from rollout.judge.verdict import Verdict

Outcome = Literal[
    "arrived",
    "promoted",
    "well",
    "sick",
    "gave up",
    "moved by somebody",
    "refused",
    "update failed",
    "failed",
    "interrupted",
]


class _AsJson:
    """An event as its line of JSON has it."""

    def as_json(self) -> dict[str, Any]:
        """For scripts, the event's name first."""
        told = {one.name: _plain(getattr(self, one.name)) for one in fields(self)}  # type: ignore[arg-type]
        return {"event": told.pop("event"), **told}


@dataclass(frozen=True)
class Began(_AsJson):
    """It began: what it is about, and what it will do.

    Attributes:
        stack: The stack's name.
        services: The services that climb together.
        to: The phase that it climbs to; None: to the last one of each.
        promote: Whether it promotes in the end.
        soak_seconds: The least time at a phase.
        give_up_seconds: The most time at a phase.
        images: By service, its images by version: `stable`, `canary` as it runs; if the file asks for another,
            `canary by the file`.
        phases: By service, the phase that it is at.
        moves: Whether it moves anything; `eco2 judge` does not.
        weights: By service, the weight at that phase.
        ladders: By service, the weights of its phases from 1 on.
        quantiles: By service, the quantile of its latencies, in per cent.
    """

    stack: str
    services: Sequence[str]
    to: int | None
    promote: bool
    soak_seconds: float
    give_up_seconds: float
    images: Mapping[str, Mapping[str, str]]
    phases: Mapping[str, int]
    moves: bool
    weights: Mapping[str, int] = field(default_factory=dict)
    ladders: Mapping[str, Sequence[int]] = field(default_factory=dict)
    quantiles: Mapping[str, float] = field(default_factory=dict)
    event: Literal["began"] = field(default="began", init=False)


@dataclass(frozen=True)
class Raised(_AsJson):
    """A step up is done; phases and weights are those after it."""

    phases: Mapping[str, int]
    weights: Mapping[str, int]
    seconds: float
    why: str
    event: Literal["raised"] = field(default="raised", init=False)


@dataclass(frozen=True)
class Looked(_AsJson):
    """A look at one canary. Requests and failed ones are of both versions, since the phase began."""

    service: str
    phase: int
    weight: int
    seconds_in_phase: float
    requests: Mapping[str, float]
    failed: Mapping[str, float]
    latency_ms: Mapping[str, float]
    verdict: Verdict
    event: Literal["looked"] = field(default="looked", init=False)


@dataclass(frozen=True)
class Judged(_AsJson):
    """The answer for one canary at its phase."""

    service: str
    phase: int
    weight: int
    answer: Answer
    words: str
    seconds_in_phase: float
    event: Literal["judged"] = field(default="judged", init=False)


@dataclass(frozen=True)
class Struck(_AsJson):
    """The first stroke of the abort is done.

    Attributes:
        services: Whose it was; no request meets their canaries any more, but for those in `unmoved`.
        why: What is wrong, by service.
        seconds: How long it took.
        unmoved: Why work, or requests, may meet a canary still, by service.
    """

    services: Sequence[str]
    why: Mapping[str, str]
    seconds: float
    unmoved: Mapping[str, str] = field(default_factory=dict)
    event: Literal["struck"] = field(default="struck", init=False)


@dataclass(frozen=True)
class TakenBack(_AsJson):
    """The whole abort is done."""

    services: Sequence[str]
    seconds: float
    event: Literal["taken back"] = field(default="taken back", init=False)


@dataclass(frozen=True)
class Promoted(_AsJson):
    """The canaries' images are stable's now."""

    services: Sequence[str]
    seconds: float
    event: Literal["promoted"] = field(default="promoted", init=False)


@dataclass(frozen=True)
class Waits(_AsJson):
    """Something holds it up: the stack is locked, Prometheus is away. Nothing does any more where `why` is empty."""

    why: str
    event: Literal["waits"] = field(default="waits", init=False)


@dataclass(frozen=True)
class Ended(_AsJson):
    """It ended, with the command's exit code."""

    outcome: Outcome
    words: str
    code: int
    seconds: float
    event: Literal["ended"] = field(default="ended", init=False)


Event: TypeAlias = Began | Raised | Looked | Judged | Struck | TakenBack | Promoted | Waits | Ended


@dataclass(frozen=True)
class Entry:
    """An event and when it happened, in UTC."""

    at: datetime
    event: Event

    def as_json(self) -> dict[str, Any]:
        """The line of `--json`."""
        return {"at": self.at.isoformat(), **self.event.as_json()}


def _plain(value: Any) -> Any:
    """What JSON can hold: a figure that is no number is null."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return _plain(value.as_json()) if hasattr(value, "as_json") else value

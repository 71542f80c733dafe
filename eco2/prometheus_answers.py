"""What the answers of a Prometheus hold; another shape is a ValueError, KeyError, TypeError or IndexError."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

QUOTED_SIGNS = 200


def values(data: Mapping[str, Any]) -> list[tuple[dict[str, str], float]]:
    """The values of a vector or of a scalar."""
    scalar = data.get("resultType") == "scalar"
    series = [{"metric": {}, "value": data["result"]}] if scalar else data["result"]
    return [(_labels(one), float(one["value"][1])) for one in series]


def clock(data: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[float, float]:
    """The time of a query's answer, and the server's own; the same where that is not told."""
    (_, at), *others = values(data)
    if others:
        raise ValueError("more than one time")
    at = _time(at)
    return at, parsedate_to_datetime(headers["Date"]).timestamp() if "Date" in headers else at


def samples(data: Mapping[str, Any]) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
    """The samples of a matrix."""
    series = ((_labels(one), one["values"]) for one in data["result"])
    return [(labels, [(_time(at), float(value)) for at, value in values]) for labels, values in series]


def _time(given: Any) -> float:
    if not math.isfinite(at := float(given)):
        raise ValueError("a sample without a time")
    return at


def _labels(one: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in one["metric"].items()}


def warnings(decoded: Mapping[str, Any]) -> str:
    """What an answer warns of; before Prometheus 2.54 hints, which say nothing of parts, stood among that."""
    given = decoded.get("warnings") or []
    lines = map(str, given if isinstance(given, list) else [given])
    told = "; ".join(one for one in lines if not one.startswith("PromQL info:"))
    return told if len(told) <= QUOTED_SIGNS else f"{told[: QUOTED_SIGNS - 1]}…"

"""Durations as Istio and the command line take them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
LONGEST_SECONDS: Final = 31 * 24 * 3600
LONGEST_DIGITS: Final = 12
"""Digits of one part: a thousand centuries of hours, and far below what 64 bits of nanoseconds hold not."""


def for_istio(duration: str) -> str:
    """A duration that Istio takes: a whole number of milliseconds, at least one, at most a year.

    Raises:
        ValueError: If it is none; Istio's own CRD refuses `0s`, and its webhook fractions of a millisecond.
    """
    if any(len(number) > LONGEST_DIGITS for number, _ in _parts(duration)):
        raise ValueError(f"{duration[:40]} is longer than a year; leave the key out for no limit")
    total = milliseconds(duration)
    if total < 1 or total != total.to_integral_value():
        raise ValueError(f"{duration} is no whole number of milliseconds from 1ms on, which Istio asks for")
    if total > 366 * 24 * MILLISECONDS["h"]:
        raise ValueError(f"{duration} is longer than a year; leave the key out for no limit")
    return duration


def seconds_of(duration: str) -> float:
    """The seconds of a duration that a person typed: `90s`, `10m`, `1h30m`, `0s`.

    Raises:
        ValueError: If it is none, or longer than a month.
    """
    if not re.fullmatch(r"([0-9]{1,6}(\.[0-9]{1,3})?(ms|h|m|s))+", duration):
        raise ValueError(f"{duration[:40]!r} is no duration; write 90s, 10m or 1h30m")
    total = float(milliseconds(duration)) / MILLISECONDS["s"]
    if total > LONGEST_SECONDS:
        raise ValueError(f"{duration} is longer than a month")
    return total


def typed(seconds: float) -> str:
    """How a person types it: `90s` for 90, `10m`, `1h30m`."""
    left, told = round(seconds * MILLISECONDS["s"]), ""
    for unit, length in MILLISECONDS.items():
        count, left = divmod(left, length)
        told += f"{count}{unit}" if count else ""
    return told or "0s"


def milliseconds(duration: str) -> Decimal:
    """The length of a duration."""
    return sum((Decimal(number) * MILLISECONDS[unit] for number, unit in _parts(duration)), Decimal())


def _parts(duration: str) -> list[tuple[str, str]]:
    return re.findall(r"([0-9.]+)(ms|h|m|s)", duration)

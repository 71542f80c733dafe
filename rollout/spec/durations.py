"""Durations as Istio takes them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
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


def milliseconds(duration: str) -> Decimal:
    """The length of a duration."""
    return sum((Decimal(number) * MILLISECONDS[unit] for number, unit in _parts(duration)), Decimal())


def _parts(duration: str) -> list[tuple[str, str]]:
    return re.findall(r"([0-9.]+)(ms|h|m|s)", duration)

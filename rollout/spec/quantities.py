"""Kubernetes quantities as numbers, and what a container can sensibly be given of each.

Arithmetic alone: what a field of Kubernetes accepts as text says `rollout.spec.patterns`.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

from rollout.spec import patterns as forms

SUFFIXES: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}
"""What the suffixes of a quantity multiply by; `1e3` and `1E3` are exponents instead."""

LONGEST: Final = 40
"""Characters of a quantity; the longest that means something has some twenty."""
LARGEST_EXPONENT: Final = 30

MEMORY: Final = (Decimal(4 * 2**20), Decimal(32 * 2**40))
"""Bytes of a container: no process starts in less, no machine of EC2 has more."""
CPU: Final = (Decimal("0.001"), Decimal(2000))
"""Cores of a container: Kubernetes counts no finer, no machine of EC2 has more."""


def amount(quantity: str) -> Decimal:
    """The number that a quantity stands for.

    The parser of the package `kubernetes` gives the same (tested), but only the command line and the
    lab bring that package along, and the program runs without it.

    Raises:
        ValueError: If it is not a quantity, or far beyond what Kubernetes can hold.
    """
    parts = re.fullmatch(
        r"(?P<number>[0-9.]+([eE](?P<exponent>[+-]?[0-9]+))?)(?P<suffix>[A-Za-z]{0,2})", quantity
    )
    if not parts or not re.fullmatch(forms.QUANTITY, quantity):
        raise ValueError(f"{quantity!r} is not {forms.FORMS[forms.QUANTITY]}")
    exponent = parts["exponent"] or "0"
    # Looked at as text: a number with such an exponent overflows as soon as somebody counts with it.
    if len(quantity) > LONGEST or abs(int(exponent)) > LARGEST_EXPONENT:
        raise ValueError(f"{quantity[:LONGEST]!r} is no quantity that Kubernetes can hold")
    return Decimal(parts["number"]) * SUFFIXES[parts["suffix"]]


def millicores(quantity: str) -> int:
    """A quantity of CPU in millicores, rounded up as the scheduler does.

    Args:
        quantity: `150m`, `1`, `0.5`.

    Raises:
        ValueError: If it is not a quantity.
    """
    return _rounded_up(amount(quantity) * 1000)


def memory_bytes(quantity: str) -> int:
    """A quantity of memory in bytes, rounded up as the scheduler does.

    Args:
        quantity: `512Mi`, `1Gi`, `1e9`.

    Raises:
        ValueError: If it is not a quantity.
    """
    return _rounded_up(amount(quantity))


def sensible_cpu(quantity: str) -> str:
    """A quantity of CPU that a container can have, or none.

    Raises:
        ValueError: If no container can be meant by it.
    """
    least, most = CPU
    if amount(quantity) and not least <= amount(quantity) <= most:
        raise ValueError(f"{quantity} cores is no share of a machine; write cores or thousandths (0.5, 500m)")
    return quantity


def sensible_memory(quantity: str) -> str:
    """A quantity of memory that a container can have, or none.

    Raises:
        ValueError: If no container can be meant by it: `128m` is an eighth of a byte.
    """
    least, most = MEMORY
    if amount(quantity) and not least <= amount(quantity) <= most:
        meant = f"{quantity[:-1]}Mi" if quantity.endswith(("m", "M")) else "256Mi"
        told = f"{quantity} is {amount(quantity):f} bytes, and a container needs from 4Mi to 32Ti"
        raise ValueError(f"{told}; write mebibytes or gibibytes ({meant}, 1Gi)")
    return quantity


def ordered(request: str, limit: str) -> bool:
    """Whether a request is within its limit; the API server refuses others."""
    return amount(request) <= amount(limit)


def _rounded_up(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))

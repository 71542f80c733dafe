"""A fixed part of all users, by the last characters of their ids, as regular expressions of RE2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from rollout.spec.stickiness import Ids

_DIGITS: Final[dict[str, str]] = {"hex": "0123456789abcdef", "digits": "0123456789"}
_ENDING: Final[dict[str, int]] = {"hex": 3, "digits": 2}
"""How many characters count: 4,096 parts of hex, a hundred of digits."""


def parts(ids: Ids) -> int:
    """Into how many parts ids divide users."""
    found: int = len(_DIGITS[ids]) ** _ENDING[ids]
    return found


def ids_below(weight: int, ids: Ids) -> str:
    """Matches the ids of a share of users; those of a lower share are among them.

    Args:
        weight: The share in per cent. It is rounded to a whole number of parts: of hex by at most 0.0122 %.
        ids: What ids end in.
    """
    digits, length = _DIGITS[ids], _ENDING[ids]
    limit = (weight * parts(ids) + FULL_WEIGHT // 2) // FULL_WEIGHT
    if limit >= parts(ids):
        return ids_known(ids)
    places = [limit // len(digits) ** place % len(digits) for place in reversed(range(length))]
    alternatives, before = [], ""
    for place, digit in enumerate(places):
        if digit:
            alternatives.append(before + _one_of(digits[:digit]) + _any(digits, length - place - 1))
        before += _one_of(digits[digit])
    return f".*({'|'.join(alternatives)})"


def ids_known(ids: Ids) -> str:
    """Matches every id that ends as it must; of all others the weights decide, request by request."""
    return f".*{_any(_DIGITS[ids], _ENDING[ids])}"


def _any(digits: str, times: int) -> str:
    return f"{_one_of(digits)}{{{times}}}" if times else ""


def _one_of(digits: str) -> str:
    """A class of characters; letters in both cases."""
    return f"[{digits}{digits.upper().strip('0123456789')}]"

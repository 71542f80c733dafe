"""The rules of a rollout by their numbers.

`docs/rules.md` says of each what it prevents, what to do where it refuses, and which tests hold it.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = "docs/rules.md"
"""Where the rules are explained; its headings are `heading`s."""

TITLES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "no selector matches pods of both",
        2: "one template for stable and canary",
        3: "nothing of stable's image reaches the canary",
        4: "callers in the mesh meet the same split",
        5: "without routes a Service's selector keeps traffic off",
        6: "a worker's share is its share of the pods",
        7: "subsets stay, and no route leads to nobody",
        8: "up pods first, down routes first",
        9: "a promotion readies stable first",
        10: "a rollback finds the pods that it left",
        11: "a sick canary delays no way back",
        12: "an abort moves the routes at once",
        13: "one phase up at a time",
        14: "a new canary image starts without weight",
        15: "stable's image rests under a canary",
        16: "mistakes are named by their keys, all at once",
        17: "a canary has room on its nodes",
        18: "nothing with traffic is deleted in passing",
        19: "stable takes over from canary pods that are left out",
        20: "the header reaches the last service of a chain",
        21: "users keep the version that they met",
    }
)
"""A few words for each; they stand in refusals."""


def cited(number: int) -> str:
    """A rule in a line of text, with where to read on: `rule 13 (one phase up at a time, docs/rules.md)`."""
    return f"rule {number} ({TITLES[number]}, {PAGE})"


def heading(number: int) -> str:
    """A rule's heading in the page, without the signs before it."""
    return f"Rule {number}: {TITLES[number]}"


def place(number: int) -> str:
    """Where the page explains a rule, as a link's target from the root of the repository.

    The anchor is the one that GitHub and GitLab make of the heading.
    """
    anchor = re.sub(r"[^\w -]", "", heading(number).lower()).replace(" ", "-")
    return f"{PAGE}#{anchor}"

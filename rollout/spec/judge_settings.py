"""How a canary is judged: what it may do worse than stable, and how sure an answer must be."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from rollout.spec.model import Name, Strict

SERVICE: Final = "{service}"
VERSION: Final = "{version}"
"""What stands in a query for the service's name, and for `v1` (stable) or `v2` (the canary)."""

LONGEST_QUERY: Final = 2000
TEXT: Final = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`"""
"""Text in PromQL, in one of its three quotes."""


def _fillable(query: str) -> str:
    # A selector of PromQL holds `=`, so a lone word in braces can only be meant as a place to fill in.
    places = re.findall(r"\{\s*\w+\s*\}", query)
    if unknown := [one for one in places if one not in (SERVICE, VERSION)]:
        raise ValueError(f"{unknown[0]} is filled in by nobody; {SERVICE} and {VERSION} are")
    if VERSION not in places:
        told = f"without {VERSION} it gives the same figure for the canary and for stable"
        raise ValueError(f'{told}; write version="{VERSION}", which becomes v2 and v1')
    if why := unbalanced(query):
        raise ValueError(why)
    return query


def unbalanced(query: str) -> str:
    """Why no Prometheus reads a query: a bracket or a quote without its other one; empty if each has it.

    Args:
        query: PromQL.
    """
    bare, opened = re.sub(TEXT, "", query, flags=re.DOTALL), ""
    for sign in re.sub(r"#[^\n]*", "", bare):
        if sign in "\"'`":
            return f"the quote {sign} has no other one; close it"
        if sign in "([{":
            opened += {"(": ")", "[": "]", "{": "}"}[sign]
        elif sign in ")]}":
            if not opened.endswith(sign):
                return f"{sign} closes nothing; take it away, or open it before"
            opened = opened[:-1]
    return f"a bracket is open at the end; close it with {opened[::-1]}" if opened else ""


class CheckSettings(Strict):
    """A check of the service's own: a figure by PromQL that has a limit, such as orders a minute.

    Attributes:
        query: PromQL that gives one number. `{service}` becomes the service's name, `{version}` becomes `v2` for the
            canary and `v1` for stable.
        limit: What the figure may be. One that stable's figure breaks, too, says nothing of the canary.
        bad: Which side of the limit is bad.
    """

    query: Annotated[str, Field(max_length=LONGEST_QUERY), AfterValidator(_fillable)]
    limit: Annotated[float, Field(allow_inf_nan=False)]
    bad: Literal["above", "below"]


class JudgeSettings(Strict):
    """How a canary is judged; shares are in per cent, margins in points.

    In a stack's file, keys that are left out are those of `services.yaml`.

    Attributes:
        margin: By how many points more of the canary's requests may fail.
        slow_margin: By how many points more of them may be slow.
        quantile: The part of stable's requests, in per cent, that counts as fast.
        least_requests: With fewer of the canary's, it is never called well.
        false_alarm: The chance, in per cent and over all looks, that requests call a healthy canary sick on its way to
            100 %, and the one that they call a sick canary well in a phase.
        together: How many requests may fail for one reason, such as a request and its retries.
        checks: The service's own checks, by name. One of a stack's file takes the place of one with its name.
    """

    margin: Annotated[float, Field(ge=0.05, le=50)] = 0.5
    slow_margin: Annotated[float, Field(ge=0.05, le=50)] = 5.0
    quantile: Annotated[float, Field(ge=50, le=99.9)] = 95.0
    least_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    false_alarm: Annotated[float, Field(ge=0.001, le=20)] = 1.0
    together: Annotated[int, Field(ge=1, le=100)] = 1
    checks: dict[Name, CheckSettings] = {}

    def differing(self, given: JudgeSettings) -> JudgeSettings:
        """With the keys that a stack's file gives in the place of these; a check that it does not name stays.

        Args:
            given: As the stack's file has it.
        """
        changes = {key: getattr(given, key) for key in given.model_fields_set}
        return self.model_copy(update={**changes, "checks": {**self.checks, **given.checks}})

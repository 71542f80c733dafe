"""A step that a rule refuses, in words, and the refusals that a person has overruled."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from rollout.guards.rules import cited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG_COMMAND: Final = re.compile(r"\bpulumi config (set|rm)\b")


@dataclass(frozen=True)
class Refusal:
    """One step that a rule does not allow.

    Attributes:
        service: The service.
        rule: The rule's number in `rollout.guards.rules`.
        before: What the last update left, as far as the rule looks at it.
        after: What is wanted instead.
        why: The reason, and in words the way on.
        command: The allowed next step in a shell; empty where none is a command. With several refusals of a
            service, the commands lead there one after the other.
    """

    service: str
    rule: Literal[13, 14, 15, 17, 18]
    before: str
    after: str
    why: str
    command: str

    @property
    def finding(self) -> str:
        """By which rule, what is refused and why, without the service and the ways on."""
        return f"{cited(self.rule)}: {self.step}"

    @property
    def step(self) -> str:
        """What is refused and why, without the rule."""
        return f"from {self.before} to {self.after}: {self.why}"

    def __str__(self) -> str:
        """One line: service, rule, from, to, why, the next step, how to overrule."""
        overrule = f'eco2:overrule: {{{self.service}: "reason"}}'
        way = f"; next: `{self.command}`" if self.command else ""
        return f"{self.service}: {self.finding}{way}; to overrule: `{overrule}`"

    def for_stack(self, stack: str) -> Refusal:
        """The same with commands that name their stack, so that they work as they are printed."""
        return replace(self, command=CONFIG_COMMAND.sub(rf"\g<0> --stack {stack}", self.command))


def overruled(
    found: Iterable[Refusal], reasons: Mapping[str, str]
) -> tuple[tuple[Refusal, ...], tuple[str, ...]]:
    """Parts the refusals that stand from those that a person overruled.

    Args:
        found: Refusals of any services.
        reasons: Why a service's refusals are overruled, by service; a blank reason is none.

    Returns:
        The refusals that stand, and for each of the others a warning of one line.
    """
    standing: list[Refusal] = []
    warnings: list[str] = []
    for one in found:
        if reason := " ".join(reasons.get(one.service, "").split()):
            warnings.append(f"{one.service}: overruled ({reason}): {one.finding}")
        else:
            standing.append(one)
    return tuple(standing), tuple(warnings)

"""What a stack's last update left, asked of its backend for a command; the program asks in `components.stack`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eco2.stack.cli import PulumiError, exported, outputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NO_SUCH_STACK = "no stack named"
"""What the CLI says of a stack that its backend does not hold: one that was never updated."""


@dataclass(frozen=True)
class StackState:
    """What a stack's last update left.

    Attributes:
        outputs: The stack's outputs; empty before its first update, or where they are lost.
        resources: Type and outputs of its resources by URN, which tell what an update that failed did;
            None where they are not known.
        state: The same resources as the state holds them; none where they are not known.
    """

    outputs: Mapping[str, Any]
    resources: Mapping[str, Any] | None = None
    state: Sequence[Mapping[str, Any]] = ()


def state_by_backend(project: Path, stack: str) -> StackState:
    """Asks the stack's backend.

    Raises:
        PulumiError: If it cannot be asked.
    """
    try:
        resources = exported(project, stack)
    except PulumiError as error:
        if NO_SUCH_STACK in str(error):
            return StackState({})
        raise
    by_urn = {one["urn"]: {"type": one["type"], "outputs": one.get("outputs")} for one in resources}
    return StackState(outputs_of(resources), by_urn, resources)

"""A state in which something comes before what it depends on: the engine refuses every update of it.

An update with `--target` by hand may leave one. What it leaves alone is written in the order of the program, with the
dependencies that the state has of it, and a program that climbs has another order than one that goes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from eco2.stack.cli import BrokenOrderError, PulumiError, pulumi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


def in_order(project: Path, stack: str, say: Callable[[str], None], call: Callable[[], T]) -> T:
    """Calls something that the engine refuses if the state is out of order; then puts it in order, and calls again.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        say: Takes a line for the user.
        call: What may be refused; it is called twice at the most.

    Returns:
        What the call returns.

    Raises:
        LockedError: If the state is out of order, and another update holds the stack.
        PulumiError: If the state cannot be put in order, or the call fails otherwise.
    """
    try:
        return call()
    except BrokenOrderError as error:
        say(f"{error}: done now")
    pulumi(project, stack, "state", "repair", "--yes")
    try:
        return call()
    except BrokenOrderError as error:
        raise PulumiError(f"after `pulumi state repair` once more: {error}") from None

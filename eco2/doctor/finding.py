"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kube.cluster import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

State = Literal["fine", "missing", "warning", "unchecked"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Attributes:
        group: What it belongs to: `Pulumi`, `cluster`, `nodes`.
        state: `fine`; `missing`: updates fail or do not do what they should; `warning`: they work, and
            somebody should know; `unchecked`: could not be told.
        what: The finding in words.
        remedy: The way on, a command where there is one; empty if nothing is to be done.
    """

    group: str
    state: State
    what: str
    remedy: str = ""


def fine(group: str, what: str) -> Finding:
    """Something is as it should be."""
    return Finding(group, "fine", what)


def missing(group: str, what: str, remedy: str) -> Finding:
    """Something that updates need is not there."""
    return Finding(group, "missing", what, remedy)


def warning(group: str, what: str, remedy: str = "") -> Finding:
    """Updates work, and somebody should know."""
    return Finding(group, "warning", what, remedy)


def unchecked(group: str, why: str) -> Finding:
    """Nothing can be said."""
    return Finding(group, "unchecked", f"not checked: {why}")


def asked(group: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    """A check's findings; one line if the cluster does not let it look."""
    try:
        return check()
    except ClusterError as error:
        return [unchecked(group, str(error))]

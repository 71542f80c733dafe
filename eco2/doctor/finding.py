"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kube.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

State = Literal["fine", "missing", "warning", "unchecked"]


@dataclass(frozen=True)
class CheckResult:
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


def fine(group: str, what: str) -> CheckResult:
    """Something is as it should be."""
    return CheckResult(group, "fine", what)


def missing(group: str, what: str, remedy: str) -> CheckResult:
    """Something that updates need is not there."""
    return CheckResult(group, "missing", what, remedy)


def warning(group: str, what: str, remedy: str = "") -> CheckResult:
    """Updates work, and somebody should know."""
    return CheckResult(group, "warning", what, remedy)


def unchecked(group: str, why: str) -> CheckResult:
    """Nothing can be said."""
    return CheckResult(group, "unchecked", f"not checked: {why}")


def asked(group: str, check: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    """A check's findings; one line if the cluster does not let it look."""
    try:
        return check()
    except ClusterError as error:
        return [unchecked(group, str(error))]

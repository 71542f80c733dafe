"""What earlier climbs said of canary images: read from the messages that the stack's history keeps with each update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eco2.climb.site import NotNowError
from eco2.stack.cli import PulumiError
from eco2.stack.history import history
from rollout.climb.sick_before import sick_before

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollout.climb.sick_before import SickBefore
    from rollout.climb.standing import Standing

UPDATES: Final = 100
"""How far back it looks. A backend in a bucket is asked once for each, some hundredths of a second."""


def read_sick_before(project: Path, stack: str, stands: Mapping[str, Standing]) -> dict[str, SickBefore]:
    """The newest verdict of each service's canary image, where it was sick.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        stands: The services to look for.

    Raises:
        NotNowError: If the history cannot be read.
    """
    try:
        entries = history(project, stack, UPDATES)
    except (PulumiError, ValueError, KeyError) as error:
        told = f"whether an earlier climb took these images back is not known: the history of {stack} cannot be read"
        raise NotNowError(f"{told}: {error}") from None
    return sick_before(((one.started, one.message) for one in entries), stands)

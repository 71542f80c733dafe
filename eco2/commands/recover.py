"""`eco2 recover`."""

from __future__ import annotations

from pathlib import Path

from eco2.options import Project, Stack, in_words
from eco2.terminal.output import say_if_possible


def recover(stack: Stack, project: Project = Path()) -> None:
    """Make a stack ready for its next update after one was killed; create it if only its file is there.

    Unlocks the stack if the process that locked it ran on this machine and has ended, and settles what that process
    was creating. Puts its state in order where an update with --target left it out of order. Does nothing to a stack
    that is in order.
    """
    from eco2.stack.cli import PulumiError  # noqa: PLC0415
    from eco2.stack.recover import recover as mend  # noqa: PLC0415
    from rollout.problems import ConfigError  # noqa: PLC0415

    with in_words(ConfigError, PulumiError):
        mend(project.resolve(), stack, say_if_possible)

"""`eco2 recover`."""

from __future__ import annotations

from pathlib import Path

import typer

from eco2.options import Project, Stack, in_words


def recover(stack: Stack, project: Project = Path()) -> None:
    """Make a stack fit for its next update after one was killed; create it if there is none.

    Unlocks it, if the process that locked it has ended, and settles what it was creating. A stack
    in order is left as it is.
    """
    from eco2.pulumi_stack import PulumiError  # noqa: PLC0415
    from eco2.recover import recover as mend  # noqa: PLC0415

    with in_words(PulumiError):
        mend(project.resolve(), stack, typer.echo)

"""`eco2 adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Project, Stack, Yes, complete_service, in_words
from eco2.terminal.output import say_if_possible


def adopt(
    service: Annotated[
        list[str], typer.Argument(help="The services to bring.", autocompletion=complete_service)
    ],
    stack: Stack,
    yes: Yes = False,
    project: Project = Path(),
) -> None:
    """Bring services under the program one by one: update the nodes and these services, and nothing else.

    For a move from other tools, and for a new stack that grows step by step. Shows the preview, asks, and updates.
    The program takes over objects that already have the same names. For later updates use `pulumi up`.

    Exit codes: 0 done, 1 refused, failed or not agreed to, 2 wrong usage.

    Example: eco2 adopt chat-api --stack prod
    """
    from eco2.stack.cli import PulumiError  # noqa: PLC0415
    from eco2.update.adoption import adopt as bring  # noqa: PLC0415
    from rollout.problems import ConfigError  # noqa: PLC0415

    def agreed(preview: str) -> bool:
        say_if_possible(preview)
        return yes or typer.confirm(f"Update {stack}?")

    with in_words(ConfigError, PulumiError):
        if not bring(project.resolve(), stack, service, agreed):
            typer.echo("nothing was changed")
            raise typer.Exit(1)

"""`eco2 history`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Json, Project, Stack, in_words


def history(
    stack: Stack,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many updates.")] = 10,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Show the last updates: when, by whom, the result, and which services moved.

    Reads the backend that holds the stack's state. A service moved if the update's config differs from that of the
    last update that succeeded; after a failed update it may not have arrived there.

    Example: eco2 history --stack prod --limit 3
    """
    from eco2.stack.cli import PulumiError  # noqa: PLC0415
    from eco2.stack.history import history as read  # noqa: PLC0415
    from eco2.terminal.console import Console  # noqa: PLC0415  # slow to import
    from eco2.terminal.history import table  # noqa: PLC0415

    with in_words(PulumiError):
        updates = read(project.resolve(), stack, limit)
    if as_json:
        typer.echo(json.dumps([update.as_json() for update in updates], indent=2))
    else:
        Console(highlight=False).print(table(updates) if updates else "no update yet")

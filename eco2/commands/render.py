"""`eco2 render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Project, Stack, in_words
from rollout.problems import ConfigError


def render(
    stack: Stack,
    out: Annotated[Path, typer.Option(help="The folder to write; it replaces one of an earlier run.")],
    project: Project = Path(),
) -> None:
    """Write plain files with what a stack would apply, without a cluster and without Pulumi's CLI.

    Writes Kubernetes objects as YAML and AWS resources as JSON, one file for each object, with sorted keys, so that
    you can compare two folders with diff.

    Example: eco2 render --stack dev --out rendered/dev
    """
    import pulumi  # noqa: PLC0415  # half a second that --help need not wait for

    from eco2.stack.render import OccupiedError  # noqa: PLC0415
    from eco2.stack.render import render as write  # noqa: PLC0415

    with in_words(ConfigError, pulumi.RunError, OccupiedError, OSError):
        counts = write(project.resolve(), stack, out)
    for kind, count in counts.items():
        typer.echo(f"{count:5}  {kind}")
    typer.echo(f"{counts.total():5}  objects in {out}")

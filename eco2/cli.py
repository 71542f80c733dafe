"""The command `eco2`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rollout.problems import ConfigError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Ship Eco2's services by header-first canaries.",
    epilog="Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage.",
)
Project = Annotated[
    Path, typer.Option("--project", "-C", help="The folder with Pulumi.yaml.", file_okay=False, exists=True)
]
Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack: dev, prod, local.")]


@app.callback()
def _root() -> None:
    """Keeps `render` a subcommand while it is the only one."""


@app.command()
def render(
    stack: Stack,
    out: Annotated[Path, typer.Option(help="The folder to write; one of an earlier run is replaced.")],
    project: Project = Path(),
) -> None:
    """Write what a stack would apply as plain files, without a cluster and without Pulumi's CLI.

    Kubernetes objects as YAML, resources of AWS as JSON, one file an object, sorted, so that two
    folders can be compared with diff.

    Example: eco2 render --stack dev --out rendered/dev
    """
    import pulumi  # noqa: PLC0415  # half a second that --help need not wait for

    from eco2.render import OccupiedError  # noqa: PLC0415
    from eco2.render import render as write  # noqa: PLC0415

    try:
        counts = write(project.resolve(), stack, out)
    except (ConfigError, pulumi.RunError, OccupiedError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"error: {error.filename or out}: {error.strerror}; nothing was replaced", err=True)
        raise typer.Exit(1) from None
    for kind, count in counts.items():
        typer.echo(f"{count:5}  {kind}")
    typer.echo(f"{counts.total():5}  objects in {out}")


def main() -> None:
    """Entry point of the console script."""
    app()

"""The command `eco2`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollout.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    with _in_words(ConfigError, pulumi.RunError, OccupiedError, OSError):
        counts = write(project.resolve(), stack, out)
    for kind, count in counts.items():
        typer.echo(f"{count:5}  {kind}")
    typer.echo(f"{counts.total():5}  objects in {out}")


@app.command()
def status(
    stack: Stack,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    project: Project = Path(),
) -> None:
    """Show every service: its phase, what the canary gets, pods ready of pods wanted, its nodes."""
    from rich.console import Console  # noqa: PLC0415

    from eco2.cluster import ClusterError  # noqa: PLC0415
    from eco2.pulumi_stack import PulumiError  # noqa: PLC0415
    from eco2.status import status as read  # noqa: PLC0415
    from eco2.status import table  # noqa: PLC0415

    with _in_words(ConfigError, PulumiError, ClusterError):
        lines = read(project.resolve(), stack)
    if as_json:
        typer.echo(json.dumps([line.as_json() for line in lines], indent=2))
    else:
        Console().print(table(lines))


@app.command()
def recover(stack: Stack, project: Project = Path()) -> None:
    """Make a stack fit for its next update after one was killed; create it if there is none.

    Unlocks it, if the process that locked it has ended, and settles what it was creating. A stack
    in order is left as it is.
    """
    from eco2.pulumi_stack import PulumiError  # noqa: PLC0415
    from eco2.recover import recover as mend  # noqa: PLC0415

    with _in_words(PulumiError):
        mend(project.resolve(), stack, typer.echo)


@app.command()
def abort(
    stack: Stack,
    service: Annotated[list[str] | None, typer.Argument(help="The services to take back.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Take every service back.")] = False,
    no_reconcile: Annotated[
        bool, typer.Option("--no-reconcile", help="Move the routes, and leave config and state to others.")
    ] = False,
    project: Project = Path(),
) -> None:
    """Take services back to stable at once: one command for the night call.

    First all routes go to stable, straight at the API, within a second. Then phase 0 is written to the
    stack's file and these services are updated, so that config, cluster and state agree. Run again, it
    finishes what was interrupted. Nothing asks, no guard stands in the way.

    Exit codes: 0 done, 1 a route could not be moved, 2 wrong usage, 4 routes are moved and the update failed.

    Example: eco2 abort auth-api scan-api --stack prod
    """
    from eco2.abort import RoutesError, UpdateError, Wish  # noqa: PLC0415
    from eco2.abort import abort as take_back  # noqa: PLC0415
    from eco2.cluster import ClusterError  # noqa: PLC0415

    if bool(service) == everything:
        typer.echo("error: name services, or use --all for every service", err=True)
        raise typer.Exit(2)
    wish = Wish(project.resolve(), stack, tuple(service or ()), reconcile=not no_reconcile)
    try:
        with _in_words(ConfigError, ClusterError, RoutesError):
            take_back(wish, typer.echo)
    except UpdateError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(4) from None


@contextmanager
def _in_words(*expected: type[Exception]) -> Iterator[None]:
    """Ends the command with an expected error's message, without a trace."""
    try:
        yield
    except expected as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def main() -> None:
    """Entry point of the console script."""
    app()

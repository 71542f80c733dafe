"""Options and manners that the commands share."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

Project = Annotated[
    Path, typer.Option("--project", "-C", help="The folder with Pulumi.yaml.", file_okay=False, exists=True)
]
Stack = Annotated[str, typer.Option("--stack", "-s", help="The stack: dev, prod, local.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def lenient_output() -> None:
    """Lets a terminal that knows no check marks and arrows show question marks instead of an error."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def in_words(*expected: type[Exception]) -> Iterator[None]:
    """Ends the command with an expected error's message and exit code 1, without a trace."""
    try:
        yield
    except expected as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None

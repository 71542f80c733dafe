"""Options and manners that the commands share."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eco2.terminal.output import say_if_possible
from eco2.terminal.wrapping import folded

if TYPE_CHECKING:
    from collections.abc import Iterator


def complete_stack(incomplete: str) -> list[str]:
    """The stacks that have a file here."""
    from rollout.spec.files import stacks_with_file  # noqa: PLC0415  # no part of a command's start

    return [stack for stack in stacks_with_file(Path()) if stack.startswith(incomplete)]


def complete_service(incomplete: str) -> list[str]:
    """The services of `services.yaml`, found without reading it as YAML, since a person waits."""
    try:
        text = Path("services.yaml").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    _, _, below = text.partition("\nservices:\n")
    names = re.findall(r"^  ([a-z0-9][a-z0-9-]*):", below, re.MULTILINE)
    return [name for name in names if name.startswith(incomplete)]


Project = Annotated[
    Path, typer.Option("--project", "-C", help="The folder with Pulumi.yaml.", file_okay=False, exists=True)
]


def own_name(stack: str) -> str:
    """A stack's own name, which its file has: `dev`.

    Raises:
        typer.BadParameter: If it is none; one with its organization before it would name another file.
    """
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", stack):
        return stack
    own = stack.rpartition("/")[2]
    way = f"; write {own}, and its organization to `pulumi org set-default`" if "/" in stack else ""
    raise typer.BadParameter(f"{stack!r} is no stack's own name, as in Pulumi.dev.yaml{way}")


Stack = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        help="The stack's name; dev has the file Pulumi.dev.yaml.",
        autocompletion=complete_stack,
        callback=own_name,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
NoUp = Annotated[bool, typer.Option("--no-up", help="Only change the file, for a pull request.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


PrometheusUrl = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        metavar="URL",
        envvar="ECO2_PROMETHEUS_URL",
        help="Where Istio's requests are counted.",
    ),
]


def as_seconds(duration: str | float) -> float:
    """The seconds of a duration that was typed; a default has them already.

    Raises:
        typer.BadParameter: If it is none.
    """
    from rollout.spec.durations import seconds_of  # noqa: PLC0415  # no part of a command's start

    if not isinstance(duration, str):
        return float(duration)
    try:
        return seconds_of(duration)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Soak = Annotated[
    float,
    typer.Option(
        "--soak",
        parser=as_seconds,
        metavar="TIME",
        show_default=False,
        help="The least time at a phase: 90s, 10m, 1h30m. Default: 10m.",
    ),
]
GiveUp = Annotated[
    float,
    typer.Option(
        "--give-up",
        parser=as_seconds,
        metavar="TIME",
        show_default=False,
        help="The most time at a phase: 90s, 10m, 1h30m. Default: 2h.",
    ),
]
LookEvery = Annotated[float, typer.Option("--look-every", parser=as_seconds, hidden=True)]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", dir_okay=False, help="Also write what happens as an HTML page."),
]


@contextmanager
def in_words(*expected: type[Exception]) -> Iterator[None]:
    """Ends the command with an expected error's message and exit code 1, without a trace."""
    try:
        yield
    except expected as error:
        say_if_possible(folded(f"error: {error}", sys.stderr), err=True)
        raise typer.Exit(1) from None

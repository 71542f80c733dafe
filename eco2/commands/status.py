"""`eco2 status`."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from eco2.options import Json, Project, Stack, in_words
from rollout.problems import ConfigError


def status(
    stack: Stack,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Show every service: its phase, what the canary gets, pods ready of pods wanted, its nodes."""
    from rich.console import Console  # noqa: PLC0415

    from eco2.cluster import ClusterError  # noqa: PLC0415
    from eco2.pulumi_stack import PulumiError  # noqa: PLC0415
    from eco2.status import status as read  # noqa: PLC0415
    from eco2.status import table  # noqa: PLC0415

    with in_words(ConfigError, PulumiError, ClusterError):
        lines = read(project.resolve(), stack)
    if as_json:
        typer.echo(json.dumps([line.as_json() for line in lines], indent=2))
    else:
        Console().print(table(lines))

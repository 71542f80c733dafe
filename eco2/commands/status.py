"""`eco2 status`."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Json, Project, Stack, in_words
from rollout.problems import ConfigError

INTERRUPTED = 130


def status(
    stack: Stack,
    service: Annotated[list[str] | None, typer.Argument(help="Show these in detail.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep looking until Ctrl-C.")] = False,
    prometheus: Annotated[
        str | None,
        typer.Option(
            envvar="ECO2_PROMETHEUS_URL", help="A Prometheus with Istio's metrics: shows the measured split."
        ),
    ] = None,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Show every service: its phase, what the canary gets, pods ready of pods wanted, its nodes.

    With services, or -w, it also shows their ReplicaSets and pods, recent warnings, and the weight by config, by the
    last update and by the cluster. If these disagree, it says so and names the command that ends it. With -w it
    keeps looking, even while the cluster does not answer; into a pipe it prints the whole view at each change.

    Exit codes: 0 shown, 1 something could not be read, 2 wrong usage, 130 ended by Ctrl-C.

    Example: eco2 status auth-api -w --stack prod
    """
    from eco2.background import Later  # noqa: PLC0415
    from eco2.stack.cli import PulumiError  # noqa: PLC0415
    from eco2.stack.state import state_by_backend  # noqa: PLC0415

    # The CLI takes as long as the imports below.
    last = Later(partial(state_by_backend, project.resolve(), stack))

    from eco2.prometheus import PrometheusError  # noqa: PLC0415
    from eco2.status.as_json import services_as_json  # noqa: PLC0415
    from eco2.status.read import Reader, StatusQuery  # noqa: PLC0415
    from eco2.status.table import table  # noqa: PLC0415
    from eco2.status.tree import tree  # noqa: PLC0415
    from eco2.terminal.console import Console  # noqa: PLC0415
    from kube.errors import ClusterError  # noqa: PLC0415

    detailed = watch or bool(service)
    query = StatusQuery(project.resolve(), stack, tuple(service or ()), detailed, prometheus)
    with in_words(ConfigError, PulumiError, ClusterError, PrometheusError):
        reader = Reader(query, last)
        if watch:
            from eco2.status.watch import watch as go_on  # noqa: PLC0415

            try:
                go_on(reader, as_json=as_json)
            except KeyboardInterrupt:
                sys.exit(INTERRUPTED)
        snapshot = reader.read()
    console = Console()
    if as_json:
        typer.echo(json.dumps(services_as_json(snapshot), indent=2))
    elif detailed:
        console.print(tree(snapshot, console.encoding), highlight=False)
    else:
        console.print(table(snapshot), highlight=False)
    if reader.incomplete:
        raise typer.Exit(1)

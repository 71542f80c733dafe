"""`eco2 doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from eco2.options import Json, Project, Stack  # noqa: TC001  # typer reads the annotations

MARKS = {
    "fine": ("✓", "green"),
    "missing": ("✗", "red"),
    "warning": ("!", "yellow"),
    "unchecked": ("-", "dim"),
}


def doctor(stack: Stack, as_json: Json = False, project: Project = Path()) -> None:
    """Check everything that updates of a stack need, and say how to get what is missing.

    Checks Pulumi's CLI, plugins and backend, the kubeconfig's context, the cluster and your rights in it, Istio and
    KEDA, the gateway, the nodes of every domain, ConfigMaps and Secrets. Changes nothing.

    Exit codes: 0 nothing is missing, 1 something is, 2 wrong usage.

    Example: eco2 doctor --stack dev
    """
    from rich.text import Text  # noqa: PLC0415

    from eco2.doctor.examine import examine  # noqa: PLC0415
    from eco2.terminal.console import Console  # noqa: PLC0415

    findings = examine(project.resolve(), stack)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        console, group = Console(), ""
        for finding in findings:
            if finding.group != group:
                group = finding.group
                console.print(Text(group, style="bold"))
            mark, style = MARKS[finding.state]
            console.print(Text.assemble("  ", (mark, style), f" {finding.what}"), soft_wrap=True)
            if finding.remedy:
                console.print(Text(f"      → {finding.remedy}", style="cyan"), soft_wrap=True)
    raise typer.Exit(any(finding.state == "missing" for finding in findings))

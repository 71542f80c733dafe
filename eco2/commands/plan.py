"""`eco2 plan`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from eco2.options import Json, Project, Stack  # noqa: TC001  # typer reads the annotations
from eco2.terminal.output import say_if_possible
from rollout.problems import ConfigError

REFUSED = 3
WITHOUT_A_BACKEND = "without a backend, give its outputs: --outputs FILE, from `pulumi stack output --json`"


def plan(
    stack: Stack,
    outputs: Annotated[
        Path | None,
        typer.Option(
            help="A file with what `pulumi stack output --json` printed, to ask no backend; - reads standard input."
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a pull request's comment.")
    ] = False,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Say in words what the next update would do, without plugins.

    For every service that changes it shows the version, the old and the new share, what users meet, the order of
    operations, the pods, the room on the nodes and the cost. Then it shows what else changes: which pods restart,
    and what is deleted, replaced, changed and created.

    If the kubeconfig has the stack's context, it also names services whose routes somebody changed or deleted by hand
    or whose abort is not finished. It asks the cluster nothing else. The Markdown begins with a hidden line by which a
    workflow finds its comment again.

    Exit codes: 0 the update may go ahead, 1 something could not be read, 2 wrong usage, 3 the update is refused
    (Markdown and JSON say why, in both cases).

    Example: eco2 plan --stack dev --markdown
    """
    from eco2.change.manual_routes import with_hands  # noqa: PLC0415
    from eco2.stack.cli import PulumiError  # noqa: PLC0415
    from eco2.stack.comparison import with_differences  # noqa: PLC0415
    from eco2.stack.config import stack_config  # noqa: PLC0415
    from eco2.stack.planning import last_update, read_report  # noqa: PLC0415
    from eco2.terminal.plan import print_plan  # noqa: PLC0415
    from eco2.terminal.web import root  # noqa: PLC0415
    from rollout.report.as_json import as_json as report_json  # noqa: PLC0415
    from rollout.report.markdown import markdown as as_markdown  # noqa: PLC0415
    from rollout.report.markdown import markdown_of_failure, markdown_of_problems  # noqa: PLC0415
    from rollout.spec.files import read_catalog  # noqa: PLC0415

    if markdown and as_json:
        typer.echo("error: choose one of --markdown and --json", err=True)
        raise typer.Exit(2)
    folder = project.resolve()
    try:
        last = last_update(folder, stack, outputs)
        found = with_differences(
            read_report(folder, stack, last.outputs, last.resources), folder, stack, last
        )
        if outputs is None and not found.first:
            catalog = read_catalog(folder / "services.yaml")
            context = stack_config(folder, stack).get("kubernetes:context", "")
            found = with_hands(found, catalog.services, last.resources or {}, context)
    except ConfigError as error:
        mistakes = [{"file": one.file, "key": one.key, "reason": one.reason} for one in error.problems]
        _tell(
            error,
            markdown_of_problems(stack, error.problems) if markdown else None,
            {"stack": stack, "problems": mistakes} if as_json else None,
        )
        # A mistake at a key is refused (rule 16); a file as a whole could not be read.
        raise typer.Exit(REFUSED if all(one.key for one in error.problems) else 1) from None
    except (PulumiError, OSError) as error:
        _tell(
            error,
            markdown_of_failure(stack, str(error)) if markdown else None,
            {"stack": stack, "error": str(error)} if as_json else None,
        )
        if outputs is None:
            typer.echo(WITHOUT_A_BACKEND, err=True)
        raise typer.Exit(1) from None
    if markdown:
        typer.echo(as_markdown(found, root(os.environ)), nl=False)
    elif as_json:
        typer.echo(json.dumps(report_json(found), indent=2))
    else:
        print_plan(found, sys.stdout)
    if found.refused:
        raise typer.Exit(REFUSED)


def _tell(error: Exception, page: str | None, told: dict[str, Any] | None) -> None:
    """Tells an error in words, before that as the Markdown or the JSON that was asked for."""
    if page is not None:
        typer.echo(page, nl=False)
    elif told is not None:
        typer.echo(json.dumps(told, indent=2))
    say_if_possible(f"error: {error}", err=True)

"""Commands that run others in a lab's environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from lab.environment import environment
from lab.options import Name  # noqa: TC001  # typer reads it at run time
from lab.places import LabFolder
from lab.project import work_folder
from lab.terminal import say


def run(context: typer.Context, name: Name = "default") -> None:
    """Run a command in a lab's environment; the exit code is the command's own.

    Only for `kubectl` is the lab's cluster the current context. All other commands must name the context.

    Example: lab run -- pulumi up --stack local

    Example: lab run -- kubectl get pods --namespace my
    """
    _become(LabFolder.of(name), list(context.args))


def project(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(help="The folder with Pulumi.yaml.")],
    stack: Annotated[str, typer.Argument(help="The stack.")],
    name: Name = "default",
) -> None:
    """Run Pulumi on a project in a lab, and leave the project's files as they are.

    Example: lab project . dev -- preview --diff
    """
    lab = LabFolder.of(name)
    variables = environment(lab)
    place = work_folder(lab, folder, stack)
    at = ["--stack", stack, "--cwd", str(place)]
    chosen = subprocess.run(
        ["pulumi", "stack", "select", "--create", *at],
        env=variables,
        check=False,
        capture_output=True,
        text=True,
    )
    if chosen.returncode:
        say(chosen.stderr)
        raise typer.Exit(1)
    _become(lab, ["pulumi", *context.args, *at])


def _become(folder: LabFolder, command: list[str]) -> None:
    """Replaces this process, so that signals and exit codes are the command's own."""
    variables = environment(folder)
    if not command:
        say("error: name a command: lab run -- COMMAND")
        raise typer.Exit(2)
    if Path(command[0]).name == "kubectl":
        variables["KUBECONFIG"] = str(folder.kubectl_config)
    try:
        os.execvpe(command[0], command, variables)  # noqa: S606  # no shell is wanted
    except FileNotFoundError:
        say(f"error: no {command[0]} on PATH")
        raise typer.Exit(127) from None

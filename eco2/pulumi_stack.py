"""Asking the Pulumi CLI about a stack."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class PulumiError(Exception):
    """The CLI is missing or refused; the message is its own."""


def pulumi(project: Path, stack: str, *arguments: str) -> str:
    """Runs the CLI on a stack.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        arguments: A command and its options.

    Returns:
        What it wrote to standard output.

    Raises:
        PulumiError: If there is no CLI on PATH, or it failed.
    """
    return cli(*arguments, "--stack", stack, "--cwd", str(project))


def cli(*arguments: str) -> str:
    """Runs the CLI, about no stack in particular; what it wrote to standard output.

    Raises:
        PulumiError: If there is no CLI on PATH, or it failed.
    """
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # no shell
    except FileNotFoundError:
        raise PulumiError(
            "no pulumi on PATH; install Pulumi's CLI, or use the lab's: lab run -- COMMAND"
        ) from None
    if done.returncode:
        raise PulumiError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def outputs(project: Path, stack: str) -> dict[str, Any]:
    """The stack's outputs; empty before its first update.

    Raises:
        PulumiError: If the CLI refuses.
    """
    found: dict[str, Any] = json.loads(pulumi(project, stack, "stack", "output", "--json") or "{}")
    return found

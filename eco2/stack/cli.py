"""Asking the Pulumi CLI about a stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from eco2.terminal.output import pass_on
from rollout.plan.prior import HELD_VARIABLE, ONLY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
LAST_WORDS = 2.0
"""Seconds after the CLI's end in which what it wrote last is read."""
NO_CLI = "no pulumi on PATH; install Pulumi's CLI, or use the lab's: lab run -- COMMAND"


class PulumiError(Exception):
    """The CLI is missing or refused; the message is its own."""


STACK_TYPE = "pulumi:pulumi:Stack"
LOCKED = ("is currently locked", "Another update is currently in progress")
"""How the CLI says that somebody else updates the stack: backends of files, and Pulumi Cloud."""

LOCK_ONLY = ("refresh", "--yes", "--skip-preview", "--target", "**::what-no-resource-is-called")
"""A command that asks for a stack's lock, and reads and writes nothing."""


class EndedError(PulumiError):
    """A Ctrl-C has ended an update."""


class LockedError(PulumiError):
    """Another update of the stack is running, or was killed and left its lock."""


def pulumi(project: Path, stack: str, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Runs the CLI on a stack.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        arguments: A command and its options.
        variables: Environment variables for the program.

    Returns:
        What it wrote to standard output.

    Raises:
        PulumiError: If there is no CLI on PATH, or it failed.
    """
    return cli(*arguments, "--stack", stack, "--cwd", str(project), variables=variables)


def cli(*arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Runs the CLI, about no stack in particular; what it wrote to standard output.

    Raises:
        LockedError: If another update holds the stack.
        PulumiError: If there is no CLI on PATH, or it failed.
    """
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    try:
        done = subprocess.run(  # noqa: S603  # no shell
            command,
            check=False,
            capture_output=True,
            encoding="utf-8",  # Pulumi's, whatever the terminal's is
            errors="surrogateescape",
            env={**os.environ, **(variables or {})},
        )
    except FileNotFoundError:
        raise PulumiError(NO_CLI) from None
    if done.returncode:
        told = done.stderr.strip() or done.stdout.strip()
        raise LockedError(told) if any(sign in told for sign in LOCKED) else PulumiError(told)
    return done.stdout


def exported(project: Path, stack: str) -> list[dict[str, Any]]:
    """The resources of the stack's state; none before its first update.

    Raises:
        PulumiError: If the CLI refuses.
    """
    state = json.loads(pulumi(project, stack, "stack", "export"))
    resources: list[dict[str, Any]] = (state.get("deployment") or {}).get("resources") or []
    return resources


def outputs_of(resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The stack's outputs among the resources of its state; empty before the first update."""
    root: Mapping[str, Any] = next((one for one in resources if one["type"] == STACK_TYPE), {})
    return root.get("outputs") or {}


def about(services: Iterable[str], held: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables for an update whose targets belong to some services.

    Args:
        services: All of them.
        held: Those of which only canary and routes change.
    """
    names = {ONLY_VARIABLE: services, HELD_VARIABLE: held}
    return {variable: f"{os.getpid()}:{','.join(told)}" for variable, told in names.items() if told}


def update(
    project: Path, stack: str, *options: str, variables: Mapping[str, str] | None = None, quiet: bool = False
) -> None:
    """Runs `pulumi up` with its output on the terminal.

    Ctrl-C is the CLI's to handle: it ends the update in good order, and a second one ends it at once.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        options: Further options.
        variables: Environment variables for the program.
        quiet: Whether standard output is kept free, and everything goes to standard error.

    Raises:
        LockedError: If another update holds the stack.
        EndedError: If a Ctrl-C has ended it.
        PulumiError: If there is no CLI on PATH, or the update failed.
    """
    command = [
        "pulumi",
        "up",
        "--yes",
        "--suppress-outputs",
        "--stack",
        stack,
        "--cwd",
        str(project),
        *options,
    ]
    # From before the start on, or a Ctrl-C just after it would end this command alone. A child begins with the
    # system's own handling; one that was told to ignore Ctrl-C goes on ignoring it.
    before, interrupts = signal.getsignal(signal.SIGINT), list[int]()
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        code, told = _run(
            command, {**os.environ, **(variables or {})}, STANDARD_ERROR if quiet else STANDARD_OUTPUT
        )
    finally:
        signal.signal(signal.SIGINT, before)
    if code and any(sign in told for sign in LOCKED):
        raise LockedError(told.strip())
    if code:
        from eco2.stack.troubles import troubles  # noqa: PLC0415  # slow to import, and seldom needed

        if interrupts:
            raise EndedError(
                "the update was interrupted; what it had done is in the state, and its output is above"
            )
        failed = f"the update ended with exit code {code}; its output is above"
        raise PulumiError("\n  ".join([failed, *troubles(project, stack)]))


def _run(command: list[str], environment: dict[str, str], output: int) -> tuple[int, str]:
    """Runs a command; its exit code, and what it wrote to standard error, where that also goes on to.

    It has ended when its own process has: a plugin that outlives it may hold its standard error open. Where
    standard output is no terminal it is read and passed on here, since a reader of ours that goes away must not
    end an update.

    Args:
        command: The command and its arguments.
        environment: Its environment.
        output: Where its standard output goes: 1 or 2.
    """
    direct = os.isatty(output)
    try:
        running = subprocess.Popen(  # noqa: S603  # no shell
            command,
            env=environment,
            stdout=output if direct else subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError:
        raise PulumiError(NO_CLI) from None
    told: list[str] = []

    def copy(lines: Iterable[str], stream: TextIO, kept: list[str] | None = None) -> None:
        for line in lines:
            if kept is not None:
                kept.append(line)
            pass_on(line, stream)

    assert running.stderr is not None
    readers = [threading.Thread(target=copy, args=(running.stderr, sys.stderr, told), daemon=True)]
    if running.stdout is not None:
        stream = sys.stdout if output == STANDARD_OUTPUT else sys.stderr
        readers.append(threading.Thread(target=copy, args=(running.stdout, stream), daemon=True))
    for reader in readers:
        reader.start()
    code = running.wait()
    end = time.monotonic() + LAST_WORDS
    for reader in readers:
        reader.join(max(end - time.monotonic(), 0))
    return code, "".join(told)

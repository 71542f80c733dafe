"""One `pulumi up` with its output on the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

from eco2.stack.cli import LOCKED, NO_CLI, EndedError, LockedError, PulumiError
from eco2.terminal.output import pass_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
LAST_WORDS = 2.0
"""Seconds after the CLI's end in which what it wrote last is read."""


def update(
    project: Path,
    stack: str,
    *options: str,
    variables: Mapping[str, str] | None = None,
    quiet: bool = False,
    until_terminated: bool = False,
) -> bool:
    """Runs `pulumi up` with its output on the terminal.

    Ctrl-C is the CLI's to handle: it ends the update in good order, and a second one ends it at once.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        options: Further options.
        variables: Environment variables for the program.
        quiet: Whether standard output is kept free, and everything goes to standard error.
        until_terminated: Whether a SIGTERM, as at the end of a workflow's job, or a SIGHUP, as at the end of a
            terminal, ends the update as Ctrl-C does.

    Returns:
        Whether one of these came, and the update ended well all the same.

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
    interrupts, running = list[int](), list[subprocess.Popen[str]]()

    def terminated(number: int, _: object) -> None:
        interrupts.append(number)
        for one in running:  # unlike a terminal's Ctrl-C, it came to this process alone
            one.send_signal(signal.SIGINT)

    handlers = {signal.SIGINT: lambda number, _: interrupts.append(number)}
    if until_terminated:
        handlers |= {signal.SIGTERM: terminated, signal.SIGHUP: terminated}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        environment = {**os.environ, **(variables or {})}
        code, told = _run(command, environment, STANDARD_ERROR if quiet else STANDARD_OUTPUT, running)
    finally:
        for number, handling in before.items():
            signal.signal(number, handling)
    if code and any(sign in told for sign in LOCKED):
        raise LockedError(told.strip())
    if code:
        from eco2.update.troubles import troubles  # noqa: PLC0415  # slow to import, and seldom needed

        if interrupts:
            raise EndedError(
                "the update was interrupted; what it had done is in the state, and its output is above"
            )
        failed = f"the update ended with exit code {code}; its output is above"
        raise PulumiError("\n  ".join([failed, *troubles(project, stack)]))
    return bool(interrupts)


def _run(
    command: list[str], environment: dict[str, str], output: int, started: list[subprocess.Popen[str]]
) -> tuple[int, str]:
    """Runs a command; its exit code, and what it wrote to standard error, where that also goes on to.

    It has ended when its own process has: a plugin that outlives it may hold its standard error open. Where
    standard output is no terminal it is read and passed on here, since a reader of ours that goes away must not
    end an update.

    Args:
        command: The command and its arguments.
        environment: Its environment.
        output: Where its standard output goes: 1 or 2.
        started: Gets the process.
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
    started.append(running)
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

"""One `pulumi up` with its output on the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TextIO

from eco2.stack.cli import (
    BROKEN_ORDER,
    NO_CLI,
    BrokenOrderError,
    EndedError,
    LockedError,
    PulumiError,
    refusal,
)
from eco2.stack.order import in_order
from eco2.terminal.output import pass_on, say_if_possible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
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
    """Runs `pulumi up` with its output on the terminal; where the state is out of order, once more after its repair.

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
    environment = {**os.environ, **(variables or {})}

    def run() -> int:
        if interrupts and running:
            raise EndedError("the update was interrupted between its two runs; the state is in order now")
        code, told = _run(command, environment, STANDARD_ERROR if quiet else STANDARD_OUTPUT, running)
        if code:
            _refuse_what_can_be_mended(told, interrupted=bool(interrupts))
        return code

    with _interrupts_counted(interrupts, running, until_terminated=until_terminated):
        code = in_order(project, stack, partial(say_if_possible, err=True), run)
    if code:
        from eco2.update.troubles import troubles  # noqa: PLC0415  # slow to import, and seldom needed

        if interrupts:
            raise EndedError(
                "the update was interrupted; what it had done is in the state, and its output is above"
            )
        failed = f"the update ended with exit code {code}; its output is above"
        raise PulumiError("\n  ".join([failed, *troubles(project, stack)]))
    return bool(interrupts)


@contextmanager
def _interrupts_counted(
    interrupts: list[int], running: list[subprocess.Popen[str]], *, until_terminated: bool
) -> Iterator[None]:
    """Keeps signals from ending this command, as long as the block takes.

    Args:
        interrupts: Gets their numbers.
        running: The processes that a signal is passed on to which came to this process alone.
        until_terminated: Whether it is about more than Ctrl-C.
    """

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
        yield
    finally:
        for number, handling in before.items():
            signal.signal(number, handling)


def _refuse_what_can_be_mended(told: str, *, interrupted: bool) -> None:
    """Raises what a caller can do something about: a lock, and a state out of order.

    Args:
        told: What the CLI wrote to standard error.
        interrupted: Whether somebody has ended the update; then nothing is tried again.
    """
    refused = refusal(told)
    if isinstance(refused, LockedError) or (isinstance(refused, BrokenOrderError) and not interrupted):
        raise refused


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
        silent = False
        for line in lines:
            if kept is not None:
                kept.append(line)
                # The CLI's report on itself: a page without a way on, and its reason is told by whoever reads it.
                silent = silent or any(sign in line for sign in BROKEN_ORDER)
            if not silent:
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

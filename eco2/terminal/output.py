"""The ways out to a terminal, a pipe or a workflow's log.

They may fail: a pipe whose reader has gone, a full disk, a stream that was closed. And what goes out may
come from a cluster or a file, so nothing in it may be obeyed by what shows it.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from rollout.text.plain import inert, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
"""What Pulumi's CLI writes itself; it moves no cursor."""


def say_if_possible(text: str, *, err: bool = False) -> None:
    """Writes a line; where that is no longer possible, all that follows is dropped."""
    stream = sys.stderr if err else sys.stdout
    try:
        stream.write(f"{visible(text)}\n")
        stream.flush()
    except (OSError, ValueError):
        silence(stream)


def pass_on(line: str, stream: TextIO) -> None:
    """Writes text with its colours; where that is no longer possible, all that follows is dropped."""
    parts = COLOUR.split(line)
    parts[::2] = map(visible, parts[::2])
    try:
        stream.write("".join(parts))
        stream.flush()
    except (OSError, ValueError):
        silence(stream)


def silence(stream: TextIO) -> None:
    """Leads a stream nowhere, so that neither the next write nor the flush at the end fails again."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return


def open_standard_streams() -> None:
    """Opens those of the three standard streams that the caller had closed.

    Otherwise the next file that is opened takes the place of one, and is read or written as such.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115  # for the whole process
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            # A terminal that knows no check marks and arrows shows question marks instead of an error.
            stream.reconfigure(errors="replace")
            if os.environ.get("GITHUB_ACTIONS") == "true":
                setattr(sys, name, _WorkflowLog(stream))


class _WorkflowLog(TextIOWrapper):
    """A stream whose every line goes to the log of a workflow, where some lines are commands."""

    def __init__(self, stream: TextIOWrapper) -> None:
        encoding, line_buffering = stream.encoding, stream.line_buffering
        super().__init__(stream.detach(), encoding, "replace", line_buffering=line_buffering)

    def write(self, text: str) -> int:
        super().write(inert(text))
        return len(text)


@contextmanager
def failing_in_words() -> Iterator[None]:
    """Ends the process in words where its output, or a file, can no longer be written.

    Raises:
        SystemExit: With exit code 1.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough
        silence(sys.stdout)
        raise SystemExit(1) from None
    except OSError as error:
        silence(sys.stdout)
        say_if_possible(f"error: {error.strerror or error}", err=True)
        raise SystemExit(1) from None

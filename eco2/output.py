"""Output that may fail: a pipe whose reader has gone, a full disk, a stream that was closed."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import typer


def say_if_possible(text: str, *, err: bool = False) -> None:
    """Writes a line; where that is no longer possible, all that follows is dropped."""
    try:
        typer.echo(text, err=err)
    except (OSError, ValueError):
        silence(sys.stderr if err else sys.stdout)


def pass_on(line: str, stream: TextIO) -> None:
    """Writes text as it is; where that is no longer possible, all that follows is dropped."""
    try:
        stream.write(line)
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

"""The ways out of the command `lab` to a terminal.

What goes out may come from a cluster: a log, the name of an image, the words of an API server. So every character
of it is shown, and obeyed by nothing that shows it.
"""

from __future__ import annotations

import sys
import unicodedata
from io import TextIOWrapper
from typing import Final

import typer

HIDDEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control characters, those that turn the direction of writing or are not seen, halves, line separators."""


def visible(text: str) -> str:
    """Text in which every character is seen; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign in "\t\n" or unicodedata.category(sign) not in HIDDEN else ascii(sign)[1:-1]
        for sign in text
    )


def say(line: str) -> None:
    """A line of progress or an error, on standard error, since standard output is for answers."""
    typer.echo(visible(line), err=True)


def answer(text: str) -> None:
    """An answer, on standard output."""
    typer.echo(visible(text))


def show_what_can_be_shown() -> None:
    """Lets a terminal that knows no bars and dashes show question marks instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")

"""Text of others inside Markdown: nothing in it becomes a heading, a picture, a link, a mention or HTML."""

from __future__ import annotations

import re
from textwrap import indent
from typing import Final

from rollout.text.plain import inert, one_line, visible

SIGNS: Final = str.maketrans(
    {
        "&": "&amp;",  # first of all: an entity would bring back what is taken away here
        **{sign: f"\\{sign}" for sign in "\\`*_[]<>~$"},
        # GitHub looks for these once the Markdown is read, so no backslash hides them.
        "@": "@&#8203;",
        "#": "\\#&#8203;",
    }
)


def prose(text: str) -> str:
    """Text in a sentence, a list or a cell."""
    told = one_line(text).translate(SIGNS)
    told = re.sub(r":(?=//)", "&#58;", told)
    told = re.sub(r"(?i)(www|mailto|xmpp)([.:])", lambda found: f"{found[1]}&#{ord(found[2])};", told)
    # What begins a list in a list.
    return re.sub(r"^(\s*[0-9]*)([-+.)=])", r"\1\\\2", told)


def code(text: str) -> str:
    """Text in a line, in the letters of a terminal."""
    told = inert(one_line(text)) or " "
    fence = _fence(told, 1)
    space = " " if told[0] == "`" or told[-1] == "`" else ""
    return f"{fence}{space}{told}{space}{fence}"


def indented(text: str) -> str:
    """Text of several lines, in the words of another program: indented, nothing in it is Markdown."""
    return indent(inert(visible("\n".join(text.splitlines()))), " " * 4)


def block(text: str, language: str = "") -> str:
    """Text of several lines in the letters of a terminal."""
    told = inert(visible("\n".join(text.splitlines())))
    fence = _fence(told, 3)
    return f"{fence}{language}\n{told}\n{fence}"


def _fence(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)

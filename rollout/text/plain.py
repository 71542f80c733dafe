"""Text of others on its way out: to a terminal, into a message of ours, into a workflow's log.

Text for a page of Markdown is `rollout.text.markdown`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

HIDDEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control characters, those that turn the direction of writing or are not seen, halves, line separators."""
BREAKS: Final = re.compile(r"[\r\n\v\f\x85\u2028\u2029]+")
LOG_COMMAND: Final = re.compile(r"^((?:[^\S\n]|\x1b\[[0-9;]*m)*):(?=:)", re.MULTILINE)
LOGIN: Final = re.compile(r"(?<=://)\S*@")
"""To the last @ of it: an unescaped / in a password does not end it."""
QUERY: Final = re.compile(r"(?<=://)([^\s?#]*[?#])\S+")


def visible(text: str) -> str:
    """Text in which every character is seen, for a terminal: a canary's words must not paint its own status.

    Line breaks and tabs stay; where a line must stay one, take `one_line`.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign in "\t\n" or unicodedata.category(sign) not in HIDDEN else _code(sign) for sign in text
    )


def one_line(text: str) -> str:
    """Text of others in a message of ours: visible, and without a line of its own."""
    first, *rest = BREAKS.split(text)
    if not rest:
        return visible(text)
    between = filter(None, (part.strip() for part in rest[:-1]))
    return visible(" ".join([first.rstrip(), *between, rest[-1].lstrip()]))


def without_login(text: str) -> str:
    """Text in which no URL tells a user and a password, nor what is asked of it, which may be a token."""
    return QUERY.sub(r"\1…", LOGIN.sub("", text))


def inert(text: str) -> str:
    """Text for a workflow's log, in which no line is a command (`::error::`, `##[add-mask]`).

    GitHub's runner reads the first at the beginning of a line, blanks passed over, and the second anywhere
    (actions/runner `ActionCommand.cs`).
    """
    return LOG_COMMAND.sub(r"\1: ", text).replace("##[", "# #[")


def _code(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if sign.isascii() else f"\\u{ord(sign):04x}"

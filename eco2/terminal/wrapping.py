"""Messages on a terminal: broken between words, and never within a command that a person may copy."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

WHOLE: Final = re.compile(r"`[^`]*`|\d %")
GLUE: Final = "\N{NO-BREAK SPACE}"


def folded(text: str, stream: TextIO) -> str:
    """A message as a stream shows it best: folded on a terminal, and as it is elsewhere."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(fold(line, width) for line in text.splitlines())


def fold(line: str, width: int) -> str:
    """A line broken between words; a command in backticks stays in one piece, however long it is."""
    glued = WHOLE.sub(lambda found: found[0].replace(" ", GLUE), line)
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    parts = textwrap.wrap(
        glued, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(parts).replace(GLUE, " ")

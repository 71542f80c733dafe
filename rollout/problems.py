"""What is wrong with a file, in words that name the place and the way on.

Everything that reads input collects `Problem`s and raises them together as one
`ConfigError`, so that a person mends a file once and not error by error. Nothing slow is imported
here, since every command of the command line needs these.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

NAMESPACE: Final = "eco2"
"""What stands before the keys of a stack that are ours."""

COMMAND_LINE: Final = "command line"
"""Where a mistake is that stands in no file."""


@dataclass(frozen=True)
class Problem:
    """One mistake.

    Attributes:
        file: The file to open, as the user knows it (`Pulumi.dev.yaml`), or `COMMAND_LINE`.
        key: The full path of the key inside the file; empty for the file as a whole.
        reason: What is wrong and what to do.
    """

    file: str
    key: str
    reason: str

    def __str__(self) -> str:
        """One line: file, key, reason."""
        return ": ".join(one_line(part) for part in (self.file, self.key, self.reason) if part)


class ConfigError(Exception):
    """Input that cannot be used; `problems` holds every mistake that was found."""

    def __init__(self, problems: Iterable[Problem], unchanged: str = "nothing") -> None:
        """Puts the problems into words.

        Args:
            problems: The mistakes.
            unchanged: Of what is sure that it was not changed.
        """
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'}, {unchanged} was changed:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def key_path(parts: Sequence[str | int]) -> str:
    """Joins the parts of a key as `pulumi config set --path` takes them.

    Args:
        parts: Names and list positions, outermost first.

    Returns:
        `services.auth-api.ports[0].port`; a name with a dot is quoted: `hosts["a.b"]`.
    """
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif "." in part:
            path += f'["{part}"]'
        else:
            path += f".{part}" if path and not path.endswith(":") else part
    return path


def suggestion(word: str, known: Iterable[str]) -> str:
    """Returns the known words, the nearest one first as a question."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    listed = f"known: {', '.join(names)}" if names else "none is known here"
    return f"did you mean {near[0]}? ({listed})" if near else listed


def refuse_strangers(names: Iterable[str], services: Collection[str]) -> None:
    """Refuses services on the command line that `services.yaml` does not have.

    Raises:
        ConfigError: With each of them.
    """
    if strangers := [name for name in names if name not in services]:
        raise ConfigError(
            Problem(COMMAND_LINE, name, f"no such service; {suggestion(name, services)}")
            for name in strangers
        )

"""Carrying a proposal out: show it, ask, write the file, update, watch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from eco2.stack.cli import PulumiError
from eco2.terminal.output import pass_on, silence
from eco2.terminal.plan import print_plan
from eco2.terminal.wrapping import folded
from eco2.update.run import update
from rollout.problems import NAMESPACE, key_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from eco2.change.proposal import Proposal


class UpdateError(Exception):
    """The file is written and the update failed; the message says how to go on."""


@dataclass
class Result:
    """What was done, for scripts.

    Attributes:
        proposal: What was to be done.
        written: Whether the file was changed.
        updated: Whether the stack was updated; None if that was not asked for.
        watched: What was seen of the canaries afterwards.
        error: Why the update failed.
    """

    proposal: Proposal
    written: bool = False
    updated: bool | None = None
    watched: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """The result with the keys that were to be written; a value of null was to be removed."""
        baseline = self.proposal.baseline
        moves = [
            {
                "service": move.service,
                "does": move.words,
                "keys": {f"{NAMESPACE}:{key_path(path)}": value for path, value in move.entries},
            }
            for move in self.proposal.moves
        ]
        told: dict[str, Any] = {"stack": baseline.stack, "file": baseline.file.name, "moves": moves}
        told |= {"notes": list(self.proposal.notes), "written": self.written, "updated": self.updated}
        told |= {"watched": self.watched} if self.watched else {}
        return told | ({"error": self.error} if self.error else {})


def show(proposal: Proposal, stream: TextIO) -> None:
    """Tells what would be done: the moves, the lines of the file that change, the plan, what to know."""

    def say(line: str) -> None:
        pass_on(f"{line}\n", stream)

    for move in proposal.moves:
        say(folded(move.words, stream))
    file = proposal.baseline.file.name
    before, after = proposal.baseline.text.splitlines(), proposal.text.splitlines()
    changed = [line for line in difflib.unified_diff(before, after, n=0, lineterm="") if line[:1] in "+-"][2:]
    if changed:
        say("\n".join([f"{file}:", *(f"  {line[0]} {line[1:]}" for line in changed)]))
    else:
        say(f"{file} says so already")
    if proposal.plan:
        say("")
        try:
            print_plan(proposal.plan, stream)
        except OSError:
            silence(stream)
        say("")
    for note in proposal.notes:
        say(folded(f"note: {note}", stream))


def carry_out(
    proposal: Proposal, result: Result, *, up: bool, command: str, quiet: bool, say: Callable[[str], None]
) -> None:
    """Writes the file and updates the stack.

    Args:
        proposal: What to do.
        result: Takes down what was done, also where something fails.
        up: Whether to update.
        command: `pulumi up` as the user would write it, for messages.
        quiet: Whether standard output is kept free.
        say: Takes a line for the user.

    Raises:
        FileChangedError: If the file was changed in the meantime.
        ConfigError: If it cannot be read any more.
        OSError: If it cannot be written.
        UpdateError: If the update failed.
    """
    baseline = proposal.baseline
    proposal.write()
    result.written = proposal.changes_file
    if result.written:
        say(f"{baseline.file.name} is written")
    if not up:
        say(f"not updated; what does it: {command}")
        return
    result.updated = False
    try:
        update(baseline.project, baseline.stack, "--skip-preview", quiet=quiet)
    except PulumiError as error:
        result.error = str(error)
        written = (
            f"{baseline.file.name} is written" if result.written else f"{baseline.file.name} was not changed"
        )
        raise UpdateError(
            f"{error}\n{written}, and the stack is not what it says. Mend what the error says and run: {command}"
        ) from None
    result.updated = True

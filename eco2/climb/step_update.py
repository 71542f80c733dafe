"""A step of a climb in the file, and its update by Pulumi's CLI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.change.proposal import FileChangedError
from eco2.climb.site import FailedError, InterruptedUpdateError, NotNowError
from eco2.stack.cli import EndedError, LockedError, PulumiError
from eco2.stack.file import alone, read_text, write_text
from eco2.stack.lock import LOCKED_BY, owner_has_ended
from eco2.update.run import update
from rollout.problems import ConfigError

if TYPE_CHECKING:
    from eco2.change.proposal import Proposal
    from eco2.climb.interrupts import Held
    from eco2.climb.request import ClimbRequest


class StepUpdate:
    """Writes a step, and does it; what cannot be begun is taken out of the file again."""

    def __init__(self, request: ClimbRequest) -> None:
        """Does nothing yet."""
        self._request = request

    def write(self, proposal: Proposal) -> None:
        """Writes a step to the file."""
        try:
            proposal.write()
        except (FileChangedError, ConfigError, OSError) as error:
            raise NotNowError(str(error)) from None

    def update(self, proposal: Proposal, message: str, ends: Held) -> bool:
        """Runs the update; whether a Ctrl-C came meanwhile, and it ended well all the same."""
        request = self._request
        options, quiet = ("--skip-preview", "--message", message), request.as_json
        try:
            with request.aside():  # which may take seconds, where the terminal is slow
                if not ends.came:
                    return update(
                        request.project, request.stack, *options, quiet=quiet, until_terminated=True
                    )
        except LockedError as error:
            if kept := _take_out_again(proposal):
                raise FailedError(f"the stack is locked, and {kept}") from None
            raise NotNowError(self._of_lock(str(error))) from None
        except EndedError as error:
            raise InterruptedUpdateError(str(error)) from None
        except PulumiError as error:
            raise FailedError(str(error)) from None
        if kept := _take_out_again(proposal):
            raise InterruptedUpdateError(f"interrupted before the update, and {kept}")
        raise KeyboardInterrupt

    def _of_lock(self, told: str) -> str:
        stack, owner = self._request.stack, LOCKED_BY.search(told)
        if owner_has_ended(told):
            way = f"`eco2 recover {self._request.options}`"
            return f"{stack} is locked by an update that was killed; what makes it fit again: {way}"
        return f"another update of {stack} is under way{f' ({owner[0]})' if owner else ''}"


def _take_out_again(proposal: Proposal) -> str:
    """Undoes what was written, or whoever updates next would raise what nobody watches; why not, if it cannot."""
    file = proposal.baseline.file
    try:
        with alone(file):
            if proposal.changes_file and read_text(file) == proposal.text:
                write_text(file, proposal.baseline.text)
    except (ConfigError, OSError) as error:
        return f"the step cannot be taken out of {file.name}: {error}"
    return ""

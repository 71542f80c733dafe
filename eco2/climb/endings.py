"""How a climb ends: the outcome, the exit code, and what a person may do next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eco2.abort.request import message_options
from eco2.climb.site import InterruptedUpdateError, RefusedError
from eco2.terminal.climb.reasons import each_once
from rollout.climb.words import ahead, places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.climb.events import Outcome
    from rollout.climb.standing import Standing

UNCHANGED: Final = "nothing was changed"
NO_RECORD: Final = "Whether a climb had found an image sick is not known here, so this keeps no record of it"
DONE, REFUSED, NOT_UPDATED, SICK, GAVE_UP, MOVED, INTERRUPTED = 0, 1, 4, 5, 6, 7, 130


@dataclass(frozen=True)
class Ending:
    """An end.

    Attributes:
        outcome: One of the words that scripts know.
        words: What happened, and how to go on.
        code: The exit code.
        told: Whether whoever ended it knows already.
    """

    outcome: Outcome
    words: str
    code: int
    told: bool = False


@dataclass(frozen=True)
class Endings:
    """What there is to say at each end.

    Attributes:
        stack: The stack's name.
        names: The services.
        options: What `eco2` needs to mean this stack: `--stack dev`.
        command: The command that goes on, as a person would write it.
        moves: Whether it is a climb, and no judge alone.
    """

    stack: str
    names: tuple[str, ...]
    options: str
    command: str
    moves: bool = True

    @property
    def abort_command(self) -> str:
        """The command that takes all services back."""
        return self._abort("")

    def _abort(self, message: str) -> str:
        """The same with what it writes to the history: the record of a verdict that is not there yet."""
        return f"`eco2 abort {' '.join(self.names)} {self.options}{message_options(message)}`"

    @property
    def _ways(self) -> str:
        return f"To go on: `{self.command}`. To take back: {self.abort_command}"

    def done(self, stands: Mapping[str, Standing], *, promoted: bool) -> Ending:
        """There is nothing left to do."""
        runs = f"stable of {', '.join(self.names)} runs the canary's image"
        if promoted and all(one.promoted for one in stands.values()):
            return Ending("promoted", f"nothing to do: {runs} already", DONE)
        if promoted:
            return Ending("promoted", runs, DONE)
        if not self.moves:
            return Ending("well", f"{places(stands)}: well", DONE)
        full = [name for name, one in stands.items() if one.phase == one.last]
        way = f". What is left: `eco2 promote {' '.join(full)} {self.options}`" if full else ""
        return Ending("arrived", f"{places(stands)}: well{way}", DONE)

    def sick(self, why: Mapping[str, str]) -> Ending:
        """A canary is sick, and all are back; or, of a judge, all are where they were."""
        told = _told(why)
        if self.moves:
            return Ending("sick", f"{told}. {', '.join(self.names)} taken back to stable", SICK)
        return Ending("sick", f"{told}. Nothing was moved; to take back: {self.abort_command}", SICK)

    def not_back(self, why: Mapping[str, str], error: str, code: int) -> Ending:
        """A canary is sick, and not all services are back as they are to be."""
        return Ending("sick", f"{_told(why)}. {error}", code)

    def refused(self, why: str, stands: Mapping[str, Standing] | None = None) -> Ending:
        """A step is refused; nothing of it was done."""
        stays = f". It stays as it is: {_stands(stands)}. {self._ways}" if stands else ""
        return Ending("refused", f"{without_echo(why)}{stays}", REFUSED)

    def declined(self) -> Ending:
        """Somebody was asked, and said no."""
        return Ending("refused", UNCHANGED, REFUSED, told=True)

    def gave_up(self, stands: Mapping[str, Standing], why: str) -> Ending:
        """A phase took too long."""
        stays = f"It stays as it is: {_stands(stands)}"
        return Ending("gave up", f"gave up {each_once(why)}. {stays}. {self._ways}", GAVE_UP)

    def moved(self, stands: Mapping[str, Standing], why: str, sick: Mapping[str, str]) -> Ending:
        """Somebody else moved it."""
        look = f"look: `eco2 status {' '.join(self.names)} {self.options}`"
        told = f"{why}. Whoever moves a rollout by hand goes first, so this ends here; {look}"
        if sick and any(stands[name].phase for name in sick):
            told += f". The judge's last words: {_told(sick)}; to take back: {self.abort_command}"
        return Ending("moved by somebody", told, MOVED)

    def not_moved(self, stands: Mapping[str, Standing], error: Exception) -> Ending:
        """A step was refused, or its update failed or was interrupted."""
        if isinstance(error, RefusedError):
            return self.refused(str(error), stands)
        told = f"{error}. The file is written, and the stack is not what it says; nothing goes up any more"
        if isinstance(error, InterruptedUpdateError):
            return Ending("interrupted", f"{told}. {self._ways}", INTERRUPTED)
        return Ending("update failed", f"{told}. {self._ways}", NOT_UPDATED)

    def broken(self, stands: Mapping[str, Standing], error: Exception, message: str = "") -> Ending:
        """A fault of this program, or of what it reads; the message is that of a way back that broke, too."""
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""
        told = (
            f"an error that nobody expected: {type(error).__name__}: {error}{place}; nobody watches any more"
        )
        ways = f"It is sick; take it back: {self._abort(message)}" if message else self._ways
        return Ending("failed", f"{told}: {_stands(stands)}. {ways}", REFUSED)

    def unrecorded(self, ending: Ending) -> Ending:
        """The end of a way back that somebody else had begun: nobody knows the verdict any more."""
        way = f"unless `eco2 history {self.options}` has one, a climb takes that image up again"
        return replace(ending, words=f"{ending.words}. {NO_RECORD}: {way}")

    def interrupted_back(self, why: Mapping[str, str], failures: Mapping[str, str], message: str) -> Ending:
        """A Ctrl-C, or the end of a job, while services are taken back."""
        routes = f"routes are not moved: {_told(failures)}" if failures else "the first stroke is done"
        told = (
            f"{_told(why)}. Interrupted while it is taken back: {routes}; finish it: {self._abort(message)}"
        )
        return Ending("interrupted", told, INTERRUPTED)

    def interrupted(self, stands: Mapping[str, Standing]) -> Ending:
        """A Ctrl-C, or the end of a job."""
        stays = f": {_stands(stands)}" if stands else ""
        told = f"interrupted; nothing moves any more{stays}"
        return Ending("interrupted", f"{told}. {self._ways}" if stands else told, INTERRUPTED)


def without_echo(why: str) -> str:
    """A refusal that says only once that nothing was changed."""
    rest = why.removesuffix(f"; {UNCHANGED}")
    return rest if UNCHANGED in rest else why


def _stands(stands: Mapping[str, Standing]) -> str:
    return "; but ".join(filter(None, (places(stands), ahead(stands))))


def _told(why: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in why.items())

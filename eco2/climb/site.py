"""All that a climb touches: the file, the stack, the cluster, the clock. Tests have one of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eco2.change.proposal import Proposal
    from eco2.climb.interrupts import Held
    from rollout.climb.sick_before import SickBefore
    from rollout.climb.standing import Asked, Left, Standing
    from rollout.climb.steps import Promote, Raise
    from rollout.judge.judging import Earlier, Reading
    from rollout.spec.service import ServiceSpec


class NotNowError(Exception):
    """Something cannot be done or known at this moment; the message says what is waited for."""


class BesideError(NotNowError):
    """An update would do more than the step: what others have prepared, which nobody judges."""


class MovedError(Exception):
    """Somebody else moved a service of the climb; the message says what is otherwise, and who did it if known."""


class DoneAlreadyError(Exception):
    """A step need not be done: an update of somebody else did it."""


class RefusedError(Exception):
    """A guard, or the files, refuse a step; nothing was changed."""


class FailedError(Exception):
    """An update failed; the file is written."""


class InterruptedUpdateError(Exception):
    """A Ctrl-C has ended an update; the file is written."""


class NotBackError(Exception):
    """Services are not back, or not as a whole; the message is the abort's own.

    Attributes:
        code: The exit code of `eco2 abort`.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class RoutesSeen:
    """What live routes tell that neither file nor state knows, in words.

    Attributes:
        hands: By service, what somebody else changed.
        taken_off: By service, that an abort took them off the canary, which the state still has there.
    """

    hands: Mapping[str, str] = field(default_factory=dict)
    taken_off: Mapping[str, str] = field(default_factory=dict)


class StateRead(Protocol):
    """A read of the state that goes on beside."""

    @property
    def done(self) -> bool:
        """Whether the result is there."""

    def result(self) -> Mapping[str, Left]:
        """What the last update left, by service.

        Raises:
            NotNowError: If it cannot be read.
        """


class Site(Protocol):
    """What a climb touches."""

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""

    def sleep(self, seconds: float) -> None:
        """Waits."""

    def stands(self) -> Mapping[str, Standing]:
        """Where the services stand, by file and state.

        Raises:
            RefusedError: If the files cannot be used.
            NotNowError: If the state cannot be read.
        """

    def service(self, name: str) -> ServiceSpec:
        """What a service is, as the stack wants it; known after `stands`."""

    def asked(self) -> Mapping[str, Asked]:
        """What the file asks for now.

        Raises:
            NotNowError: If it cannot be read.
        """

    def state(self) -> StateRead:
        """Begins to read what the last update left."""

    def routes(self) -> RoutesSeen:
        """Looks at the live routes.

        Raises:
            NotNowError: If the cluster does not answer.
        """

    def away(self) -> str:
        """Why Prometheus tells nothing at this moment; empty if it answers, and where none is needed."""

    def sick_before(self, names: Collection[str]) -> Mapping[str, SickBefore]:
        """What earlier climbs said of the canary images of some services, where these were sick.

        Raises:
            NotNowError: If the history of the stack cannot be read.
        """

    def begin_phase(self) -> None:
        """Forgets what was measured at the phase before."""

    def earlier(self, name: str) -> Earlier | None:
        """What stable of a service did before its canary had full weight; None where nobody counted it."""

    def look(self, weights: Mapping[str, int]) -> Mapping[str, Reading]:
        """One look at the canaries with these weights."""

    def prepare(self, step: Raise | Promote, compare: Callable[[Mapping[str, Standing]], None]) -> Proposal:
        """Has a step judged by the guards, and the canaries looked at.

        Args:
            step: What to do.
            compare: Takes where the services stand at this moment, and raises where somebody moved one.

        Raises:
            RefusedError: If a guard refuses it.
            NotNowError: If it cannot be known, or a canary is not ready for it yet.
            BesideError: If its update would do more than this.
            MovedError: If somebody else moved a service.
        """

    def write(self, proposal: Proposal) -> None:
        """Writes a step to the file.

        Raises:
            NotNowError: If somebody else changed it meanwhile, or it cannot be written.
        """

    def update(self, proposal: Proposal, message: str, ends: Held) -> bool:
        """Runs the update; whether a Ctrl-C came meanwhile, and it ended well all the same.

        Args:
            proposal: The step that is written.
            message: For the history of the stack.
            ends: Whether a Ctrl-C came before it.

        Raises:
            NotNowError: If somebody else updates the stack. The file is as it was before.
            KeyboardInterrupt: If a Ctrl-C came before it. The file is as it was before.
            InterruptedUpdateError: If a Ctrl-C has ended it, or came before it and the file stays written.
            FailedError: If it failed.
        """

    def strike(self) -> Mapping[str, str]:
        """Takes all canaries out of all routes, at once; why not, by service, where that failed."""

    def unmoved(self) -> Mapping[str, str]:
        """Why work, or requests, may meet a canary still after `strike`, by service; empty where none does."""

    def finish_back(self, message: str) -> None:
        """The rest of the abort, after `strike`.

        Raises:
            NotBackError: If it failed.
        """

    def who(self) -> str:
        """Who made the last update, and what was said with it; empty where that is not known."""

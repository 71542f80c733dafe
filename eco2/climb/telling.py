"""What a climb tells: its events, made of what is known at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eco2.climb.events import Began, Judged, Looked, Waits
from eco2.terminal.climb.lines import BY_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eco2.change.proposal import Proposal
    from eco2.climb.events import Event
    from eco2.climb.judges import Judges
    from rollout.climb.standing import Standing
    from rollout.climb.steps import Goal, Step


LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Ways:
    """How a climb is told, and who is asked.

    Attributes:
        tell: Takes each event.
        agreed: Asked once, before anything is changed: where the services stand, the first step, what that would
            change where it is due at once, and by service what to know before.
        look_seconds: From one look to the next.
    """

    tell: Callable[[Event], None]
    agreed: Callable[[Mapping[str, Standing], Step, Proposal | None, Mapping[str, str]], bool]
    look_seconds: float = LOOK_SECONDS


class Telling:
    """Hands each event on."""

    def __init__(self, tell: Callable[[Event], None], judges: Judges) -> None:
        """Has told nothing yet.

        Args:
            tell: Takes each event.
            judges: What is known of the canaries.
        """
        self.tell, self._judges = tell, judges
        self._said = ""

    def began(self, stack: str, stands: Mapping[str, Standing], goal: Goal) -> None:
        """It begins."""
        images = {name: _images(one) for name, one in stands.items()}
        event = Began(
            stack,
            tuple(stands),
            goal.to,
            goal.promote,
            goal.soak_seconds,
            goal.give_up_seconds,
            images,
            {name: one.phase for name, one in stands.items()},
            goal.moves,
            {name: one.left.weight for name, one in stands.items()},
            {name: one.ladder for name, one in stands.items()},
            {name: self._judges.quantile(name) for name in stands},
        )
        self.tell(event)

    def looked(self, stands: Mapping[str, Standing], seconds_in_phase: float) -> None:
        """The judges have looked."""
        for name, verdict in self._judges.verdicts.items():
            requests, failed, latency = self._judges.figures(name)
            where = name, stands[name].phase, self._judges.weights[name], seconds_in_phase
            self.tell(Looked(*where, requests, failed, latency, verdict))

    def judged(
        self, stands: Mapping[str, Standing], seconds_in_phase: float, names: Collection[str] | None = None
    ) -> None:
        """Verdicts are acted upon: those of some services, or of all that are at a phase."""
        for name, verdict in self._judges.verdicts.items():
            if names is None or name in names:
                where = name, stands[name].phase, self._judges.weights[name]
                self.tell(Judged(*where, verdict.answer, verdict.words, seconds_in_phase))

    def waits(self, why: str) -> None:
        """Says what is waited for, once, and once that it is for nothing any more, which is empty."""
        if why != self._said:
            self.tell(Waits(why))
        self._said = why


def _images(stand: Standing) -> dict[str, str]:
    """By version; that of the canary is what runs, and what the file asks for stands beside it where it is another."""
    runs = (stand.left.canary if stand.judged else None) or stand.asked.canary
    images = {"stable": stand.asked.stable.short, "canary": runs.short}
    return images | ({BY_FILE: stand.asked.canary.short} if runs != stand.asked.canary else {})

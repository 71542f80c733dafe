"""What a climb sees of its canaries, and how it takes them back, whatever it was about to do."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from eco2.climb.back import take_back
from eco2.climb.events import Waits
from eco2.climb.judges import Judges
from eco2.climb.others import Others
from eco2.climb.site import NotNowError
from eco2.climb.telling import Telling
from rollout.climb import words
from rollout.climb.steps import Promote, Raise, TakeBack
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from eco2.climb.endings import Ending, Endings
    from eco2.climb.site import Site
    from eco2.climb.telling import Ways
    from rollout.climb.standing import Standing
    from rollout.climb.steps import Goal

FAILED_SECONDS: Final = 60.0
"""How long canaries are watched at the most, after an update that failed."""
LATE_SECONDS: Final = 30.0
"""How long a step waits for a Prometheus that is slow: by a look that it has not answered nobody is well."""


class Seeing:
    """What is known, looks, and the ends that need one more look."""

    def __init__(self, site: Site, goal: Goal, endings: Endings, ways: Ways) -> None:
        """Prepares; nothing is looked at yet."""
        self._site, self._goal, self._endings, self._ways = site, goal, endings, ways
        self._others, self._judges = Others(site), Judges(site)
        self._telling = Telling(ways.tell, self._judges)
        self._stands: dict[str, Standing] = {}
        self._phase_began = self._looked_at = site.now()
        self._waits = self._doubt = self._unjudged = ""
        self._told_well = False

    def _interrupted(self) -> Ending:
        """The end by a Ctrl-C: where it came between a verdict and its stroke, that is done first."""
        if self._goal.moves and (sick := self._sick()):
            return self._take_back(TakeBack(sick), interrupted=True)
        return self._endings.interrupted(self._stands)

    def _take_back(self, step: TakeBack, *, interrupted: bool = False) -> Ending:
        if not self._goal.moves:
            self._judged()
            return self._endings.sick(step.why)
        message = words.of_way_back(self._stands, step.why, self._in_phase(), judged=not step.begun)
        told = step.why, message, self._judged
        ending = take_back(self._site, self._endings, self._ways, *told, interrupted=interrupted)
        return self._endings.unrecorded(ending) if step.begun else ending

    def _back_if_sick(self) -> Ending | None:
        """The end by a verdict that is there already; None where nobody is known to be sick."""
        return self._take_back(TakeBack(sick)) if (sick := self._sick()) else None

    def _look(self, patience_seconds: float = 0.0) -> None:
        """One look; another one where Prometheus was late, until it has answered or somebody is sick.

        Args:
            patience_seconds: How long it may be late.
        """
        end = self._site.now() + patience_seconds
        while weights := self._judges.weights:
            self._judges.after(self._site.look(weights))
            self._telling.looked(self._stands, self._in_phase())
            if not self._judges.late or self._sick() or self._site.now() >= end:
                return

    def _judged(self) -> None:
        self._telling.judged(self._stands, self._in_phase())

    def _begin_phase(self) -> None:
        self._phase_began, self._told_well, self._waits = self._site.now(), False, ""
        self._site.begin_phase()
        # Whom users have left for stable, nobody can judge: the pods of its canary end.
        at = {
            name: one.weight
            for name, one in self._stands.items()
            if (one.phase or not self._goal.moves) and not one.leaving
        }
        self._judges.begin_phase(at)

    def _tell_began(self) -> None:
        """It begins; a judge alone judges who has a canary, and names who has none."""
        if not self._goal.moves:
            self._unjudged = words.unjudged(self._stands)
            self._stands = {name: one for name, one in self._stands.items() if one.judged}
        self._telling.began(self._endings.stack, self._stands, self._goal)
        if self._unjudged:
            self._ways.tell(Waits(self._unjudged))

    def _wait(self, why: str) -> None:
        self._waits = why
        self._telling.waits(why)

    def _in_phase(self) -> float:
        return self._site.now() - self._phase_began

    def _sick(self) -> dict[str, str]:
        return {name: one.words for name, one in self._judges.verdicts.items() if one.answer == "sick"}

    def _after_failure(self, step: Raise | Promote, error: Exception) -> Ending:
        """Looks on for a while: an update that failed may have given a canary its traffic before."""
        with suppress(NotNowError):
            found = self._site.state().result()
            self._stands |= {
                name: replace(one, left=replace(one.left, routed=found[name].routed, there=found[name].there))
                for name, one in self._stands.items()
                if name in found
            }
        at = {
            name: one.weight
            for name, one in self._stands.items()
            if one.phase or one.weight or one.left.there
        }
        if isinstance(step, Promote):
            # Whom users have left for stable, nobody can judge.
            at = {
                name: weight
                for name, weight in at.items()
                if weight == FULL_WEIGHT or name not in step.services
            }
        self._judges.begin_phase(at)
        # What was counted until now came before the failure: it may speak against a canary, and makes none well.
        self._look()
        self._judges.begin_phase(at)
        end = self._site.now() + FAILED_SECONDS
        while at and self._site.now() < end and not self._sick():
            self._site.sleep(self._ways.look_seconds)
            self._look()
            if all(one.answer == "well" for one in self._judges.verdicts.values()):
                break
        sick = self._sick()
        return self._take_back(TakeBack(sick)) if sick else self._endings.not_moved(self._stands, error)

    def _broken(self, error: Exception) -> Ending:
        """The end by a fault of this program, after one more look where that is possible."""
        message = ""
        with suppress(Exception):
            if not self._sick():  # a verdict holds: after its stroke there may be nothing to see of it
                self._look()
        if self._goal.moves and (sick := self._sick()):
            message = words.of_way_back(self._stands, sick, self._in_phase())
            with suppress(Exception):
                return self._take_back(TakeBack(sick))
        return self._endings.broken(self._stands, error, message)

"""The loop of a climb: look, decide, act."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from eco2.climb.beginning import before_first_update
from eco2.climb.events import Ended, Promoted, Raised
from eco2.climb.interrupts import held
from eco2.climb.seeing import LATE_SECONDS, Seeing
from eco2.climb.site import (
    BesideError,
    DoneAlreadyError,
    FailedError,
    InterruptedUpdateError,
    MovedError,
    NotNowError,
    RefusedError,
)
from eco2.climb.update_watch import UpdateWatch
from rollout.climb import words
from rollout.climb.steps import (
    Arrived,
    GiveUp,
    Promote,
    Raise,
    Refuse,
    TakeBack,
    Watching,
    first_step,
    next_step,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.climb.endings import Ending
    from rollout.climb.standing import Left, Standing
    from rollout.climb.steps import Step


class Climb(Seeing):
    """One run of `eco2 climb`, or of `eco2 judge`."""

    def run(self) -> Ending:
        """Climbs until there is an end."""
        began = self._site.now()
        try:
            ending = self._climb()
        except Exception as error:  # noqa: BLE001  # whatever it is, a sick canary must not be left alone for it
            ending = self._broken(error)
        if self._unjudged:
            ending = replace(ending, words=f"{ending.words}. Not judged: {self._unjudged}")
        seconds = self._site.now() - began
        self._ways.tell(Ended(ending.outcome, ending.words, ending.code, seconds))
        return ending

    def _climb(self) -> Ending:
        try:
            return self._run()
        except MovedError as error:
            return self._endings.moved(self._stands, str(error), self._sick())
        except KeyboardInterrupt:
            return self._interrupted()

    def _run(self) -> Ending:
        try:
            self._stands = dict(self._site.stands())
            routes = self._site.routes()
            step = first_step(self._stands, self._goal, routes.taken_off, self._endings.options)
            if isinstance(step, Refuse):
                return self._endings.refused(step.words)
            known = before_first_update(self._site, self._stands, step, self._goal, self._endings.options)
        except (RefusedError, NotNowError) as error:
            return self._endings.refused(f"{error}; nothing was changed")
        self._others.known(routes.hands)
        self._tell_began()
        self._begin_phase()
        if not isinstance(step, TakeBack):
            step = next_step(self._stands, self._judges.verdicts, 0, self._goal)
        proposal = None
        try:
            if isinstance(step, Raise | Promote):
                proposal = self._site.prepare(step, self._compare)
        except (RefusedError, BesideError) as error:
            return self._endings.refused(f"{error}; nothing was changed")
        except (NotNowError, DoneAlreadyError) as error:
            self._wait(str(error))
        if not isinstance(step, Arrived) and not self._ways.agreed(
            self._stands, step, proposal, {**routes.hands, **known}
        ):
            return self._endings.declined()
        while True:
            if ending := self._act(step):
                return ending
            step = self._next()

    def _next(self) -> Step:
        """Waits until the next look is due, looks, and says what follows."""
        self._site.sleep(max(self._looked_at + self._ways.look_seconds - self._site.now(), 0))
        self._looked_at, self._doubt = self._site.now(), ""
        try:
            self._take_in(self._others.look(self._stands, accept=self._goal.moves))
        except NotNowError as error:
            self._doubt = f"whether somebody else moves it is not known: {error}"
        self._look()
        self._telling.waits(self._waits or self._doubt or self._judges.outage)
        step = self._decide()
        if isinstance(step, Watching):
            self._waits = ""  # no step is tried, so none waits any more
        return step

    def _decide(self) -> Step:
        waits = self._waits or self._doubt
        return next_step(self._stands, self._judges.verdicts, self._in_phase(), self._goal, waits)

    def _act(self, step: Step) -> Ending | None:
        """Does what follows; the end, where it is one."""
        match step:
            case Raise() | Promote():
                return self._move(step)
            case TakeBack():
                return self._take_back(step)
            case GiveUp():
                self._judged()
                return self._endings.gave_up(self._stands, step.words)
            case Arrived():
                self._judged()
                return self._endings.done(self._stands, promoted=self._goal.promote)
            case _:
                return None

    def _move(self, step: Raise | Promote) -> Ending | None:
        """A step up, or the promotion; None also where it has to wait, or another step is due by now."""
        began = self._site.now()
        watch = UpdateWatch(
            self._look, self._sick, self._site.strike, self._telling.waits, self._ways.look_seconds
        )
        try:
            # The first step, too, though it was shown: an answer may take hours.
            proposal = self._site.prepare(step, self._compare)
            if not self._is_still(step):
                due = self._decide()
                return self._act(due) if isinstance(due, TakeBack | GiveUp) else None
            message = self._message(step)
            # A Ctrl-C between the file and the update would leave a step behind that nobody watches.
            with held() as ends:
                self._site.write(proposal)
                with watch if isinstance(step, Raise) else nullcontext():
                    interrupted = self._site.update(proposal, message, ends) or ends.came
        except DoneAlreadyError:
            return None
        except NotNowError as error:
            self._wait(str(error))
            return self._back_if_sick()
        except FailedError as error:
            # Before another look: what it was sick by may be gone since the stroke.
            return self._back_if_sick() or self._after_failure(step, error)
        except (RefusedError, InterruptedUpdateError) as error:
            return self._interrupted() if self._sick() else self._endings.not_moved(self._stands, error)
        return self._after(step, message, self._site.now() - began, interrupted=interrupted)

    def _after(
        self, step: Raise | Promote, message: str, seconds: float, *, interrupted: bool
    ) -> Ending | None:
        """What follows an update that ended well."""
        if isinstance(step, Promote):
            self._ways.tell(Promoted(step.services, seconds))
            # Of a promotion that was begun before, others may be left, which climb on.
            if set(self._stands) <= {
                *step.services,
                *(name for name, one in self._stands.items() if one.promoted),
            }:
                return self._endings.done(self._stands, promoted=True)
        phases = step.phases if isinstance(step, Raise) else dict.fromkeys(step.services, 0)
        sick = self._sick()
        ended = isinstance(step, Promote)
        self._stands |= {
            name: replace(self._stands[name].at(phase), ended=ended) for name, phase in phases.items()
        }
        self._others.moved_by_us(phases)
        if not sick:
            self._begin_phase()
        if isinstance(step, Raise):
            weights = {name: self._stands[name].left.weight for name in phases}
            self._ways.tell(Raised(dict(phases), weights, seconds, message.partition(": ")[2]))
        if interrupted:
            raise KeyboardInterrupt
        return self._take_back(TakeBack(sick)) if sick else None

    def _message(self, step: Raise | Promote) -> str:
        verdicts, seconds = self._judges.verdicts, self._in_phase()
        if isinstance(step, Promote):
            return words.of_promotion(self._stands, step.services, verdicts, seconds, begun=step.begun)
        return words.of_step(self._stands, step.phases, verdicts, seconds, begun=step.begun)

    def _compare(self, found: Mapping[str, Standing]) -> None:
        """Ends a step where somebody moved a service, or did it already.

        Raises:
            MovedError: If somebody moved one.
            DoneAlreadyError: If an update of somebody else did what the file asked for.
        """
        self._others.compare(self._stands, found)
        if self._take_in(
            {name: one.left for name, one in found.items() if one.left != self._stands[name].left}
        ):
            raise DoneAlreadyError

    def _take_in(self, found: Mapping[str, Left]) -> bool:
        """Takes down what an update of somebody else brought to where the file had it; whether there is any."""
        if found:
            self._stands |= {name: replace(self._stands[name], left=left) for name, left in found.items()}
            self._begin_phase()
        return bool(found)

    def _is_still(self, step: Raise | Promote) -> bool:
        """Looks once more, since guards take their time: whether the step is still what follows.

        Raises:
            MovedError: If somebody moved a service.
            NotNowError: If that is not known.
        """
        if self._take_in(self._others.look(self._stands, accept=True)):
            return False
        if not self._judges.weights:
            return True
        self._look(LATE_SECONDS)
        if self._decide() != step:
            return False
        if not self._told_well:
            self._judged()
            self._told_well = True
        return True

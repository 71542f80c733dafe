"""From a command line to the end of a climb, or of a judge's watch."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from eco2.change.apply import show
from eco2.climb.beginning import refuse_blind
from eco2.climb.endings import REFUSED, UNCHANGED, Ending, Endings, without_echo
from eco2.climb.events import Ended
from eco2.climb.interrupts import as_interrupts
from eco2.climb.loop import Climb
from eco2.climb.stack_site import StackSite
from eco2.climb.telling import Ways
from eco2.climb.way_back import WayBack
from eco2.climb.ways_out import open_journal
from eco2.stack.config import stack_config
from eco2.terminal.climb.lines import ERRORS
from eco2.terminal.output import say_if_possible
from eco2.terminal.wrapping import folded
from kube.cluster import ClusterClient
from kube.errors import ClusterError
from rollout.climb.steps import TakeBack, all_steps
from rollout.climb.words import duration
from rollout.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eco2.change.proposal import Proposal
    from eco2.climb.request import ClimbRequest
    from rollout.climb.standing import Standing
    from rollout.climb.steps import Step


def run(request: ClimbRequest) -> int:
    """Climbs, or judges; the exit code.

    Args:
        request: What was asked for.

    Raises:
        ConfigError: If the report cannot be written.
    """
    with as_interrupts(), open_journal(as_json=request.as_json, report=request.report) as journal:
        request = replace(request, aside=journal.aside)
        try:
            refuse_blind(request)
            cluster = ClusterClient(
                stack_config(request.project, request.stack).get("kubernetes:context", "")
            )
            site = StackSite(request, cluster, WayBack(request, cluster))
        except (ConfigError, ClusterError) as error:
            ending = Ending("refused", without_echo(f"{error}; {UNCHANGED}"), REFUSED)
            journal.tell(Ended(ending.outcome, ending.words, ending.code, 0.0))
        else:
            names, goal = request.services, request.goal
            endings = Endings(request.stack, names, request.options, request.command, goal.moves)
            ways = Ways(journal.tell, Asking(request).agreed, request.look_seconds)
            ending = Climb(site, goal, endings, ways).run()
    # With --json, whoever reads the log of a workflow sees no events.
    if ending.code and (request.as_json or (ending.outcome in ERRORS and not ending.told)):
        say_if_possible(folded(f"error: {ending.words}", sys.stderr), err=True)
    return ending.code


class Asking:
    """Asks once, before anything is changed."""

    def __init__(self, request: ClimbRequest) -> None:
        """Asks nothing yet."""
        self._request = request

    def agreed(
        self,
        stands: Mapping[str, Standing],
        step: Step,
        proposal: Proposal | None,
        notes: Mapping[str, str],
    ) -> bool:
        """Shows what is to come, and asks.

        Args:
            stands: Where the services stand.
            step: What is due first.
            proposal: What that would change; None where nothing is due at once.
            notes: What to know before, by service: whose hands are on its routes, that its image was sick before.
        """
        request = self._request
        if not request.goal.moves:
            return True
        with request.aside():
            if proposal:
                show(proposal, sys.stderr if request.as_json else sys.stdout)
            told = [f"note: {name}: {why}" for name, why in notes.items()]
            for line in (*told, *self._lines(stands, step)):
                request.say(line)
            if request.yes or self._confirmed():
                return True
            request.say(UNCHANGED)
            return False

    def _confirmed(self) -> bool:
        request = self._request
        try:
            return typer.confirm(f"Climb on {request.stack}?", err=request.as_json)
        except typer.Abort:
            return False

    def _lines(self, stands: Mapping[str, Standing], step: Step) -> Iterator[str]:
        if isinstance(step, TakeBack):
            yield f"an abort of {', '.join(step.why)} is not finished: all are taken back, and nothing climbs"
            return
        goal = self._request.goal
        for name, phases in all_steps(stands, goal).items():
            way = " → ".join(str(phase) for phase in (stands[name].phase, *phases))
            end = ", then stable takes the canary's image" if goal.promote else ""
            yield f"{name}: phase {way}{end}"
        yield (
            f"at each phase until it is well, {duration(goal.soak_seconds)} at the least and "
            f"{duration(goal.give_up_seconds)} at the most; sick canaries are taken back"
        )

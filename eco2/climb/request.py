"""What a climb is asked for on the command line."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eco2.prometheus_url import HIDDEN_PLACES
from eco2.terminal.output import say_if_possible
from eco2.terminal.wrapping import folded
from rollout.climb.steps import Goal
from rollout.spec.durations import typed

if TYPE_CHECKING:
    from collections.abc import Callable

URL_VARIABLE = "ECO2_PROMETHEUS_URL"
USAGE = 2


@dataclass(frozen=True)
class ClimbRequest:
    """What to do.

    Attributes:
        project: The folder with `Pulumi.yaml`, whole.
        stack: The stack's name.
        services: The services.
        goal: Where they are to get to.
        yes: Whether nobody is asked.
        prometheus: Where requests are counted; None: nowhere.
        as_json: Whether standard output gets events alone, and everything else goes to standard error.
        report: Where the page is written; None: nowhere.
        look_seconds: From one look to the next.
        aside: Leaves the terminal to whatever a block runs.
    """

    project: Path
    stack: str
    services: tuple[str, ...]
    goal: Goal
    yes: bool = False
    prometheus: str | None = None
    as_json: bool = False
    report: Path | None = None
    look_seconds: float = 5.0
    aside: Callable[[], AbstractContextManager[None]] = field(default=nullcontext)

    @property
    def options(self) -> str:
        """What `eco2` needs to mean this stack, as it is typed where this command was run."""
        elsewhere = "" if self.project == Path.cwd() else f" --project {shlex.quote(str(self.project))}"
        return f"--stack {self.stack}{elsewhere}"

    @property
    def command(self) -> str:
        """The command that does the same again."""
        goal, usual = self.goal, Goal()
        told = [f"--to {goal.to}"] * (goal.to is not None) + ["--promote"] * goal.promote
        told += ["--retry"] * goal.retry
        if goal.soak_seconds != usual.soak_seconds:
            told.append(f"--soak {typed(goal.soak_seconds)}")
        if goal.give_up_seconds != usual.give_up_seconds:
            told.append(f"--give-up {typed(goal.give_up_seconds)}")
        if self.prometheus and self.prometheus != os.environ.get(URL_VARIABLE):
            # A password does not belong into a message.
            secret = any(sign in self.prometheus for sign in HIDDEN_PLACES)
            url = "URL" if secret else shlex.quote(self.prometheus)
            told.append(f"--prometheus {url}")
        if self.report:
            told.append(f"--report {shlex.quote(str(self.report))}")
        name = "climb" if goal.moves else "judge"
        return " ".join(["eco2", name, *self.services, self.options, *told])

    def say(self, text: str) -> None:
        """A line for the user."""
        say_if_possible(folded(text, sys.stderr if self.as_json else sys.stdout), err=self.as_json)


def refuse_usage(goal: Goal, *, asks: bool) -> None:
    """Ends the command where it was typed wrongly, or nobody is there to be asked.

    Args:
        goal: What was asked for.
        asks: Whether somebody is to be asked.

    Raises:
        typer.Exit: With exit code 2.
    """
    wrong = ""
    if goal.to is not None and goal.promote:
        wrong = "--to stops at a phase, and --promote goes on to the end: choose one"
    elif goal.give_up_seconds <= goal.soak_seconds:
        told = f"{typed(goal.give_up_seconds)}, which is not longer than the --soak of {typed(goal.soak_seconds)}"
        wrong = f"it would give up after {told}: make --give-up longer"
    elif asks and not sys.stdin.isatty():
        wrong = "nobody is there to be asked; add --yes"
    if wrong:
        say_if_possible(f"error: {wrong}", err=True)
        raise typer.Exit(USAGE)

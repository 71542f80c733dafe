"""From a command line to a move that is done: judge, show, ask, write, update, watch."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from eco2.change.apply import Result, UpdateError, carry_out, show
from eco2.change.proposal import FileChangedError, propose, read_baseline
from eco2.stack.cli import PulumiError
from eco2.terminal.output import say_if_possible
from eco2.terminal.wrapping import folded
from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.spec.image_settings import read_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from eco2.change.proposal import Proposal
    from rollout.edits import Move
    from rollout.plan.prior import Prior
    from rollout.spec.image_settings import ImageSettings
    from rollout.spec.services import Wanted

DONE, REFUSED, USAGE, NOT_UPDATED, SICK = 0, 1, 2, 4, 5
"""The exit codes of commands that move a rollout."""


@dataclass(frozen=True)
class ChangeRequest:
    """What was asked for.

    Attributes:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        services: The services to move.
        yes: Whether nobody is asked.
        up: Whether the stack is updated after its file.
        as_json: Whether the result goes to standard output as JSON, and everything else to standard error.
        wait_seconds: How long to watch the canaries after the update; 0: not at all.
        prometheus: Where their errors are counted; None: nowhere.
        needs_state: Whether it must be known what the last update left, also where none follows.
    """

    project: Path
    stack: str
    services: tuple[str, ...]
    yes: bool
    up: bool
    as_json: bool
    wait_seconds: int = 0
    prometheus: str | None = None
    needs_state: bool = False

    @property
    def options(self) -> str:
        """What `eco2` needs to mean this stack, as it is typed where this command was run."""
        return f"--stack {self.stack}{self._elsewhere('--project')}"

    @property
    def update_command(self) -> str:
        """The same of `pulumi up`, as a whole."""
        return f"`pulumi up --stack {self.stack}{self._elsewhere('--cwd')}`"

    def _elsewhere(self, option: str) -> str:
        here = self.project.resolve() == Path.cwd()
        return "" if here else f" {option} {shlex.quote(str(self.project))}"

    def say(self, text: str) -> None:
        """A line for the user."""
        say_if_possible(folded(text, sys.stderr if self.as_json else sys.stdout), err=self.as_json)


def do(request: ChangeRequest, move: Callable[[Wanted, Prior | None], Move]) -> NoReturn:
    """Carries a move out and ends the command.

    Args:
        request: What was asked for.
        move: Gives a service's move.

    Raises:
        typer.Exit: With the exit code.
    """
    if not request.yes and not sys.stdin.isatty():
        _end("nobody is there to be asked; add --yes, and --no-up to change the file alone", USAGE)
    if request.wait_seconds and not request.up:
        _end("--wait watches what an update did, and --no-up makes none", USAGE)
    project = request.project.resolve()
    try:
        baseline = read_baseline(
            project, request.stack, may_be_unknown=not (request.up or request.needs_state)
        )
        proposal = propose(baseline, request.services, move)
    except (ConfigError, PulumiError) as error:
        _end(str(error), REFUSED)
    show(proposal, sys.stderr if request.as_json else sys.stdout)
    result = Result(proposal)
    if not proposal.changes_file and not request.up:
        _finish(request, result, DONE)
    if request.up and proposal.plan:
        _look_at_canaries(request, proposal)
    if not request.yes and not _agreed(request, proposal.changes_file):
        request.say("nothing was changed")
        raise typer.Exit(REFUSED)
    try:
        carry_out(
            proposal,
            result,
            up=request.up,
            command=request.update_command,
            quiet=request.as_json,
            say=request.say,
        )
    except (ConfigError, FileChangedError, OSError) as error:
        _end(str(error), REFUSED)
    except UpdateError as error:
        say_if_possible(folded(f"error: {error}", sys.stderr), err=True)
        _finish(request, result, NOT_UPDATED)
    _finish(request, result, _watch(request, result) if request.wait_seconds else DONE)


def _look_at_canaries(request: ChangeRequest, proposal: Proposal) -> None:
    """Ends the command where a canary that is to get more traffic is not fit for it.

    Raises:
        typer.Exit: With the reasons, or if the cluster does not tell.
    """
    # Slow to import.
    from eco2.change.canaries import NotKnownError, look_at_canaries  # noqa: PLC0415
    from eco2.change.manual_routes import unfinished_abort  # noqa: PLC0415
    from eco2.stack.missing import words  # noqa: PLC0415

    try:
        seen = look_at_canaries(proposal, request.prometheus)
    except NotKnownError as error:
        _end(f"{error}; nothing was changed", REFUSED)
    if seen.deleted:
        _end(f"{words(seen.deleted, request.stack)}; nothing was changed", REFUSED)
    if seen.unfinished:
        _end(f"{unfinished_abort(seen.unfinished, request.stack)}; nothing was changed", REFUSED)
    for told in seen.hands:
        request.say(f"note: {told}")
    if found := seen.unfit:
        reasons = "; ".join(f"{name} must not get more traffic: {why}" for name, why in found.items())
        way = f"Take it back: `eco2 abort {' '.join(found)} {request.options}`, or wait until it is ready"
        _end(f"{reasons}; nothing was changed. {way}", REFUSED)


def image_of(request: ChangeRequest, image: str, revision: str | None) -> ImageSettings:
    """Reads an image from the command line.

    Args:
        request: What was asked for.
        image: The image as it was written.
        revision: A revision to go with it.

    Raises:
        typer.Exit: If it cannot be read as one; the reason is told.
    """
    try:
        repository = read_catalog(request.project / "services.yaml").registry.repository
        return read_image(image, repository, revision)
    except ConfigError as error:
        _end(str(error), REFUSED)
    except ValueError as error:
        _end(str(error), USAGE)


def _agreed(request: ChangeRequest, changes_file: bool) -> bool:
    what = ["write the file"] * changes_file + [f"update {request.stack}"] * request.up
    return typer.confirm(f"{' and '.join(what).capitalize()}?", err=request.as_json)


def _watch(request: ChangeRequest, result: Result) -> int:
    """Watches the canaries that were moved; the exit code."""
    from eco2.change.canary_health import soak  # noqa: PLC0415
    from eco2.prometheus import PrometheusError  # noqa: PLC0415
    from eco2.stack.config import stack_config  # noqa: PLC0415
    from kube.cluster import ClusterClient  # noqa: PLC0415  # slow to import
    from kube.errors import ClusterError  # noqa: PLC0415  # slow to import

    baseline = result.proposal.baseline
    phases = {
        move.service: dict(move.entries).get(("rollouts", move.service, "phase"))
        for move in result.proposal.moves
    }
    moved = {name: baseline.services[name] for name, phase in phases.items() if phase != 0}
    if not moved:
        request.say("no canary is left to watch")
        return DONE
    services = {name: wanted.service for name, wanted in moved.items()}
    rollouts = {name: wanted.rollout for name, wanted in moved.items()}
    weights = {
        name: one.effective_weight if phases[name] is None else one.steps.weight(int(str(phases[name])))
        for name, one in rollouts.items()
    }
    try:
        cluster = ClusterClient(stack_config(baseline.project, baseline.stack).get("kubernetes:context", ""))
        found = soak(cluster, services, weights, request.wait_seconds, request.prometheus, request.say)
    except (ConfigError, ClusterError, PrometheusError) as error:
        say_if_possible(f"error: not watched: {error}", err=True)
        return SICK
    for one in found:
        request.say(f"{one.service}: {one.verdict}: {one.words}")
    result.watched = [one.as_json() for one in found]
    sick = [one.service for one in found if one.verdict == "sick"]
    if sick:
        request.say(f"to take back at once: `eco2 abort {' '.join(sick)} {request.options}`")
    if unseen := [one.service for one in found if not one.watched]:
        told = f"whether {', '.join(unseen)} is well is not known"
        request.say(f"{told}; look: `eco2 status {' '.join(unseen)} {request.options}`")
    return SICK if sick or unseen else DONE


def _finish(request: ChangeRequest, result: Result, code: int) -> NoReturn:
    if request.as_json:
        say_if_possible(json.dumps(result.as_json(), indent=2))
    raise typer.Exit(code)


def _end(reason: str, code: int) -> NoReturn:
    say_if_possible(folded(f"error: {reason}", sys.stderr), err=True)
    raise typer.Exit(code)

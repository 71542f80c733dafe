"""Says where a climb stands and what a run of it does, for a workflow's outputs.

The stack's file, its commits and its last update say it all, so a run that was lost takes nothing with it.
The outputs are those of `rollout.climb.runs.decide`; `commit=` (the last step), `stood=` (the
phases of the state), `asked=` (those of the file), `since=`, `images=` and `before=` (that one of these was sick
before) with them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from eco2.climb.earlier_verdicts import read_sick_before
from eco2.climb.site import NotNowError
from eco2.stack.cli import PulumiError
from eco2.stack.comparison import with_differences
from eco2.stack.moves import services_of
from eco2.stack.planning import last_update, read_report
from rollout.climb.beside import beside_step
from rollout.climb.measured import unmeasured
from rollout.climb.runs import EndError, Run, decide
from rollout.climb.sick_before import refusal_of_sick
from rollout.climb.standing import asked_of, standing_of
from rollout.climb.steps import Goal, beginning
from rollout.guards.review import problems
from rollout.plan.update import prior_of
from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.stack.state import StackState
    from rollout.climb.standing import Asked, Standing
    from rollout.spec.catalog import Catalog

HERE = Path()
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> int:
    """`90s`, `10m`, `2h`."""
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    if not found:
        raise EndError(f"{text[:20]} is no time; write 90s, 10m or 2h")
    return int(found[1]) * UNITS[found[2]]


def read_run(told: Mapping[str, str]) -> Run:
    """Reads the inputs.

    Raises:
        EndError: If they cannot be used.
    """
    chain = re.fullmatch(r"(?:[0-9]+)?(?: since ([0-9]+))?(?: stood ([a-z0-9:,-]+))?", told["CHAIN"])
    to, promote = told["TO"], told["PROMOTE"] == "true"
    if chain is None or not re.fullmatch(r"[0-9]{0,2}", to):
        raise EndError("to is a phase; chain is what a run leaves to the next one, so leave it empty")
    if promote and to:
        raise EndError("a promotion is from the last phase: leave `to` empty, or do not promote")
    stood = dict(one.rsplit(":", 1) for one in (chain[2] or "").split(",") if ":" in one)
    names = tuple(dict.fromkeys(told["SERVICES"].replace(",", " ").split()))
    retry = told["RETRY"] == "true"
    goal = Goal(
        int(to) if to else None, promote, seconds(told["SOAK"]), seconds(told["GIVE_UP"]), retry=retry
    )
    if goal.give_up_seconds <= goal.soak_seconds:
        told_twice = f"{told['GIVE_UP']}, which is not longer than the soak of {told['SOAK']}"
        raise EndError(f"it would give up after {told_twice}: make give-up longer")
    phases = {name: int(phase) for name, phase in stood.items()}
    reviewed = told["REVIEWED"] == "true"
    return Run(told["STACK"], names, goal, told["FIRST"], told["BASE"], int(chain[1] or 0), phases, reviewed)


def file_of(run: Run) -> str:
    """The stack's file."""
    return f"Pulumi.{run.stack}.yaml"


def git(*arguments: str) -> str:
    """What git prints."""
    command = ["git", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def asked_at(run: Run, commit: str, catalog: Catalog) -> dict[str, Asked]:
    """What the file of a commit asks for, by today's catalog.

    Raises:
        EndError: If it cannot be read: nobody can tell then what was approved, or who moved what.
    """
    try:
        wanted = services_of(HERE, run.stack, git("show", f"{commit}:{file_of(run)}"), catalog)
        return {name: asked_of(wanted[name]) for name in run.names}
    except (ConfigError, KeyError, subprocess.CalledProcessError) as error:
        why = f"{file_of(run)} of the commit {commit[:12]} cannot be read with today's services.yaml"
        raise EndError(f"{why}, so images and steps cannot be compared; start the climb again") from error


def look_at_commits(run: Run, catalog: Catalog) -> str:
    """Ends the climb where somebody else moved a service in git.

    Returns:
        The commit that last moved one of them, or the one that the climb is about.
    """
    began = asked_at(run, run.base, catalog)
    known, last = began, run.base
    for commit in git(
        "rev-list", "--reverse", "--first-parent", f"{run.base}..HEAD", "--", file_of(run)
    ).split():
        found = asked_at(run, commit, catalog)
        if found == known:
            continue
        if git("log", "-1", "--format=%(trailers:key=Climb,valueonly)", commit) != run.first:
            who = git("log", "-1", "--format=%h of %an: %s", commit)
            raise EndError(f"somebody else moved it: {who}", "moved by somebody")
        known, last = found, commit
    for name in run.names:
        # Whoever approved the climb saw these images; a commit that only says it is of this climb brings no others.
        before, now = began[name], known[name]
        if now.canary != before.canary or now.stable not in (before.stable, before.canary):
            raise EndError(f"{name} has other images now than when the climb began", "moved by somebody")
    return last


def others(run: Run, stands: Mapping[str, Standing], last: StackState) -> str:
    """What an update would do beside the climb's own step; empty if nothing."""
    found = read_report(HERE, run.stack, last.outputs, last.resources)
    if found.refused:
        return "; ".join(one.reason for one in problems(file_of(run), found.refused))
    found = with_differences(found, HERE, run.stack, last)
    services = read_catalog(HERE / "services.yaml").services
    own = {name: services[name].companions for name, one in stands.items() if one.asked.phase != one.phase}
    return beside_step(found, own)


def known_before(run: Run, stands: Mapping[str, Standing]) -> str:
    """What an earlier climb said of images that are to be brought up again, in words; empty if nothing.

    Raises:
        EndError: If one was sick and the run was not told to take it up again, or that is not known.
    """
    names = beginning(stands, run.goal)
    new = {name: stands[name] for name in names if not stands[name].promoted}
    try:
        found = read_sick_before(HERE, run.stack, new) if new else {}
    except NotNowError as error:
        raise EndError(str(error)) from None
    if not run.goal.retry and (
        why := refusal_of_sick(found, f"--stack {run.stack}", "start it with the input `retry`")
    ):
        raise EndError(why)
    return "; ".join(f"{name}: {one.words}" for name, one in found.items())


def look(told: Mapping[str, str], found: dict[str, str]) -> None:
    """Everything that a workflow's outputs are to hold.

    Args:
        told: The environment.
        found: Takes it; also where the climb ends here, since whoever reads that asks where the canaries are.

    Raises:
        EndError: If the climb ends.
        ConfigError: If a file cannot be used as it is.
        PulumiError: If the state cannot be read.
    """
    run = read_run(told)
    catalog = read_catalog(HERE / "services.yaml")
    wanted = services_of(HERE, run.stack, (HERE / file_of(run)).read_text(encoding="utf-8"), catalog)
    if unknown := [name for name in run.names if name not in wanted]:
        raise EndError(f"there is no service {', '.join(unknown)}")
    last = last_update(HERE, run.stack)
    if not last.outputs:
        raise EndError(f"{run.stack} was never updated")
    prior = prior_of(catalog, last.outputs, last.resources)
    stands = {name: standing_of(wanted[name], prior.get(name)) for name in run.names}
    found["stood"] = ",".join(f"{name}:{one.phase}" for name, one in stands.items())
    found["asked"] = ",".join(f"{name}:{one.asked.phase}" for name, one in stands.items())
    services = {name: wanted[name].service for name in run.names}
    if missing := list(unmeasured(services, f"--stack {run.stack}", counted=True, moves=True)):
        raise EndError("; ".join(map(str, missing)))
    found["commit"] = look_at_commits(run, catalog)
    found |= decide(run, stands, others(run, stands, last) if run.reviewed else "")
    found["before"] = one_line(known_before(run, stands))
    images = dict.fromkeys(one.asked.canary.short for one in stands.values())
    # No watch is older than the step that it watches, whatever the run was told.
    stepped = int(git("log", "-1", "--format=%ct", found["commit"]))
    since = run.since if stepped <= run.since <= time.time() else 0
    found |= {"since": str(since), "images": ", ".join(images)}


def ended(error: EndError) -> dict[str, str]:
    """The outputs of a run at which the climb ends."""
    return {"todo": "end", "outcome": error.outcome, "words": one_line(str(error))}


if __name__ == "__main__":
    outputs: dict[str, str] = {}
    try:
        look(os.environ, outputs)
    except EndError as error:
        outputs |= ended(error)
    except (ConfigError, PulumiError, OSError, subprocess.CalledProcessError) as error:
        outputs |= ended(EndError(str(error)))
    for key, value in outputs.items():
        sys.stdout.write(f"{key}={value}\n")

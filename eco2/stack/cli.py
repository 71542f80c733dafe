"""Asking the Pulumi CLI about a stack."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rollout.plan.prior import ANEW_VARIABLE, HELD_VARIABLE, ONLY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NO_CLI = "no pulumi on PATH; install Pulumi's CLI, or use the lab's: lab run -- COMMAND"


class PulumiError(Exception):
    """The CLI is missing or refused; the message is its own.

    Attributes:
        output: What it had written to standard output: with `--json` what the program said stands there.
    """

    output = ""


STACK_TYPE = "pulumi:pulumi:Stack"
LOCKED = ("is currently locked", "Another update is currently in progress")
"""How the CLI says that somebody else updates the stack: backends of files, and Pulumi Cloud."""

BROKEN_ORDER = ("snapshot integrity", "state file contains errors")
"""How the CLI says that a state is out of order: one that it reads or writes, and one that it is to import."""

LOCK_ONLY = ("refresh", "--yes", "--skip-preview", "--target", "**::what-no-resource-is-called")
"""A command that asks for a stack's lock, and reads and changes no resource."""
LOCKING = ("cancel", "refresh", "state")
"""Commands that hold the lock while they run, or take one away."""
LOCKING_SECONDS = 10.0
"""How long one may go on after a Ctrl-C; a second Ctrl-C ends it."""


class EndedError(PulumiError):
    """A Ctrl-C has ended an update."""


class LockedError(PulumiError):
    """Another update of the stack is running, or was killed and left its lock."""


class BrokenOrderError(PulumiError):
    """The state is out of order, so that the engine does nothing with it; `eco2.stack.order` has the way on."""

    def __init__(self, told: str) -> None:
        """Takes the reason out of the CLI's report on itself, which is long."""
        found = re.search(r"resource (\S+)'s (.*) (\S+) comes after it", told)
        what = f" ({_short(found[1])} comes before its {found[2]} {_short(found[3])})" if found else ""
        super().__init__(
            f"the state is out of order{what}, as an update with --target by hand may leave it; `pulumi state repair` "
            "puts it in order and changes nothing in the cluster"
        )


def pulumi(project: Path, stack: str, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Runs the CLI on a stack.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        arguments: A command and its options.
        variables: Environment variables for the program.

    Returns:
        What it wrote to standard output.

    Raises:
        PulumiError: If there is no CLI on PATH, or it failed.
    """
    return cli(*arguments, "--stack", stack, "--cwd", str(project), variables=variables)


def cli(*arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Runs the CLI, about no stack in particular; what it wrote to standard output.

    Raises:
        LockedError: If another update holds the stack.
        BrokenOrderError: If the state is out of order.
        PulumiError: If there is no CLI on PATH, or it failed.
    """
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    try:
        done = _run(command, {**os.environ, **(variables or {})})
    except FileNotFoundError:
        raise PulumiError(NO_CLI) from None
    if done.returncode:
        refused = refusal(done.stderr.strip() or done.stdout.strip())
        refused.output = done.stdout
        raise refused
    return done.stdout


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the CLI. One that holds the stack's lock is not killed at a Ctrl-C before it could give it back."""
    patience = LOCKING_SECONDS if command[1] in LOCKING else 0
    with subprocess.Popen(  # noqa: S603  # no shell
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",  # Pulumi's, whatever the terminal's is
        errors="surrogateescape",
        env=environment,
    ) as child:
        try:
            out, told = child.communicate()
        except BaseException:
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                child.communicate(timeout=patience)
            child.kill()
            raise
    return subprocess.CompletedProcess(command, child.returncode, out, told)


def refusal(told: str) -> PulumiError:
    """What the CLI's words on standard error mean."""
    if any(sign in told for sign in LOCKED):
        return LockedError(told.strip())
    return BrokenOrderError(told) if any(sign in told for sign in BROKEN_ORDER) else PulumiError(told)


def _short(urn: str) -> str:
    """Kind and name in a URN: `Deployment auth-api`."""
    *_, types, name = urn.split("::")
    return f"{types.rpartition(':')[2]} {name}"


def exported(project: Path, stack: str) -> list[dict[str, Any]]:
    """The resources of the stack's state; none before its first update.

    Raises:
        PulumiError: If the CLI refuses.
    """
    state = json.loads(pulumi(project, stack, "stack", "export"))
    resources: list[dict[str, Any]] = (state.get("deployment") or {}).get("resources") or []
    return resources


def outputs_of(resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The stack's outputs among the resources of its state; empty before the first update."""
    root: Mapping[str, Any] = next((one for one in resources if one["type"] == STACK_TYPE), {})
    return root.get("outputs") or {}


def target_options(urns: Iterable[str]) -> list[str]:
    """The options that limit a command to some resources."""
    return [part for urn in urns for part in ("--target", urn)]


def about(services: Iterable[str], held: Iterable[str] = (), anew: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables for an update whose targets belong to some services.

    Args:
        services: All of them.
        held: Those of which only canary and routes change.
        anew: Autoscalers of theirs that are made anew: `KIND/NAME`.
    """
    names = {ONLY_VARIABLE: services, HELD_VARIABLE: held, ANEW_VARIABLE: anew}
    return {variable: f"{os.getpid()}:{','.join(told)}" for variable, told in names.items() if told}

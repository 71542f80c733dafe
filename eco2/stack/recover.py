"""After an update that was killed: unlock the stack, put its state in order, and settle what it left open.

The engine writes down what it is about to create. If it is killed then, the next update
finds such entries and cannot know whether the thing exists. In the cluster that does not
matter, since objects have fixed names and an update takes over what is there. In AWS it
does: a node group under the same name would be refused. Its id follows from its name, so
it is put into the state, and a refresh drops it again if it is not there.
"""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any

from eco2.stack.cli import LOCK_ONLY, LockedError, PulumiError, pulumi, target_options
from eco2.stack.lock import owner_has_ended, running_owner
from eco2.stack.order import in_order
from rollout.problems import ConfigError, Problem, suggestion
from rollout.spec.files import stacks_with_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def recover(project: Path, stack: str, say: Callable[[str], None]) -> None:
    """Makes a stack fit for its next update; does nothing to one that was left in order.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name; if it has a file and does not exist, it is created.
        say: Takes a line for the user for each thing done.

    Raises:
        ConfigError: If the project has no file for it: a name that was mistyped is no new stack.
        PulumiError: If the CLI refuses.
    """
    _has_file(project, stack)
    try:
        in_order(project, stack, say, lambda: _settle(project, stack, say))
    except LockedError as error:  # it cannot be put in order before it is unlocked
        _refuse_unless_ended(stack, error)
        _unlock(project, stack, say)
        in_order(project, stack, say, lambda: _settle(project, stack, say))


def _settle(project: Path, stack: str, say: Callable[[str], None]) -> None:
    """Creates a stack, or unlocks it and settles what is pending.

    Raises:
        BrokenOrderError: If its state is out of order.
        PulumiError: If the CLI refuses.
    """
    try:
        state = pulumi(project, stack, "stack", "export")
    except PulumiError as error:
        if "no stack named" not in str(error):
            raise
        pulumi(project, stack, "stack", "init")
        say(f"created stack {stack}")
        return
    described, pending = json.loads(state), _pending(state)
    deployment = described.get("deployment") or {}
    deployment.pop("pending_operations", None)
    if _locked(project, stack, state if pending else None):
        _unlock(project, stack, say)
    if not pending:
        return
    found = [known for operation in pending if (known := _known(operation)) is not None]
    deployment["resources"] += found
    _refuse_if_changed(project, stack, state)
    _write(project, stack, json.dumps(described))
    targets = target_options(resource["urn"] for resource in found)
    if targets:
        # What had not come into being is dropped again; of the rest, the outputs are read.
        pulumi(project, stack, "refresh", "--yes", "--skip-preview", *targets)
    if left := _pending(pulumi(project, stack, "stack", "export")):
        raise PulumiError(f"{len(left)} operations are still open in the state of {stack}; run this again")
    say(f"settled {len(pending)} operations that an interrupted update had left open")


def _has_file(project: Path, stack: str) -> None:
    """Refuses a stack without a file.

    Raises:
        ConfigError: Naming the stacks that have one.
    """
    file = project / f"Pulumi.{stack}.yaml"
    if not file.exists():
        reason = f"no such file; {suggestion(stack, stacks_with_file(project))}"
        raise ConfigError([Problem(file.name, "", reason)])


def _known(operation: dict[str, Any]) -> dict[str, Any] | None:
    """What was being created, as a resource of the state, if its id follows from its inputs."""
    resource: dict[str, Any] = operation["resource"]
    identity = _identity(resource) if operation["type"] == "creating" else None
    return {**resource, "id": identity, "outputs": resource["inputs"]} if identity else None


def _write(project: Path, stack: str, state: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8", errors="surrogateescape") as file:
        file.write(state)
        file.flush()
        pulumi(project, stack, "stack", "import", "--file", file.name)


def _refuse_if_changed(project: Path, stack: str, state: str) -> None:
    """Looks at the state again: to write back an old one would undo an update that has ended in the meantime.

    Raises:
        PulumiError: If it is no longer what was read.
    """
    if _substance(pulumi(project, stack, "stack", "export")) != _substance(state):
        raise PulumiError(f"another update of {stack} is under way; let it end, then run this again")


def _substance(state: str) -> dict[str, Any]:
    """An exported state without the time at which it was written."""
    deployment = json.loads(state).get("deployment") or {}
    return {key: value for key, value in deployment.items() if key != "manifest"}


def _pending(state: str) -> list[dict[str, Any]]:
    return (json.loads(state).get("deployment") or {}).get("pending_operations") or []


def _locked(project: Path, stack: str, pending: str | None) -> bool:
    """Whether a process that has ended left the stack locked.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        pending: The exported state, if operations are pending in it: a refresh would drop them.

    Raises:
        PulumiError: If the one that locked it still runs, or runs elsewhere.
    """
    try:
        if pending is None:
            pulumi(project, stack, *LOCK_ONLY)
        else:
            _refuse_if_changed(project, stack, pending)
            _write(project, stack, pending)
    except LockedError as error:
        _refuse_unless_ended(stack, error)
        return True
    return False


def _refuse_unless_ended(stack: str, refused: LockedError) -> None:
    """Refuses to unlock a stack while somebody may update it.

    Raises:
        PulumiError: If the one that locked it still runs, or runs elsewhere; with the way on.
    """
    told = str(refused)
    if owner_has_ended(told):
        return
    way = f"only if nothing updates {stack} any more: pulumi cancel --stack {stack}"
    if pid := running_owner(told):
        way = f"process {pid} of this machine still updates {stack}; let it end, then run this again"
    raise PulumiError(f"{told}\n{way}") from None


def _unlock(project: Path, stack: str, say: Callable[[str], None]) -> None:
    pulumi(project, stack, "cancel", "--yes")
    say(f"unlocked stack {stack}, which an interrupted update had left locked")


def _identity(resource: dict[str, Any]) -> str | None:
    """The id that AWS gives to something of this name; None where it cannot be known."""
    inputs = resource.get("inputs", {})
    if resource["type"] == "aws:eks/nodeGroup:NodeGroup":
        return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"
    if resource["type"] == "aws:iam/role:Role":
        return str(inputs["name"])
    return None

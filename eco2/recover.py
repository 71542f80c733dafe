"""After an update that was killed: unlock the stack and settle what it left open.

The engine writes down what it is about to create. If it is killed then, the next update
finds such entries and cannot know whether the thing exists. In the cluster that does not
matter, since objects have fixed names and an update takes over what is there. In AWS it
does: a node group under the same name would be refused. Its id follows from its name, so
it is looked for and, if it is there, taken into the state.
"""

from __future__ import annotations

import json
import re
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eco2.pulumi_stack import PulumiError, pulumi

if TYPE_CHECKING:
    from collections.abc import Callable


LOCKED_BY = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")
"""How the CLI names the owner of a lock in a backend of files."""


def recover(project: Path, stack: str, say: Callable[[str], None]) -> None:
    """Makes a stack fit for its next update; does nothing to one that was left in order.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name; it is created if it does not exist.
        say: Takes a line for the user for each thing done.

    Raises:
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
    if _locked(project, stack, state):
        pulumi(project, stack, "cancel", "--yes")
        say(f"unlocked stack {stack}, which an interrupted update had left locked")
    pending = (json.loads(state).get("deployment") or {}).get("pending_operations") or []
    creating = [operation["resource"] for operation in pending if operation["type"] == "creating"]
    for resource in creating:
        if identity := _identity(resource):
            _adopt(project, stack, resource["urn"], identity, say)
    if pending:
        pulumi(
            project, stack, "refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--run-program"
        )
        say(f"settled {len(pending)} operations that an interrupted update had left open")


def _locked(project: Path, stack: str, state: str) -> bool:
    """Whether a process that has ended left the stack locked.

    Raises:
        PulumiError: If the one that locked it still runs, or runs elsewhere.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as same:
        same.write(state)
        same.flush()
        try:
            # Writing back what is there changes nothing, and asks for the lock.
            pulumi(project, stack, "stack", "import", "--file", same.name)
        except PulumiError as error:
            if "locked" not in str(error):
                raise
            owner = LOCKED_BY.search(str(error))
            if (
                owner is None
                or owner["host"] != socket.gethostname()
                or Path(f"/proc/{owner['pid']}").exists()
            ):
                raise
            return True
    return False


def _identity(resource: dict[str, Any]) -> str | None:
    """The id that AWS gives to something of this name; None where it cannot be known."""
    inputs = resource.get("inputs", {})
    if resource["type"] == "aws:eks/nodeGroup:NodeGroup":
        return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"
    if resource["type"] == "aws:iam/role:Role":
        return str(inputs["name"])
    return None


def _adopt(project: Path, stack: str, urn: str, identity: str, say: Callable[[str], None]) -> None:
    """Takes something that exists into the state; what does not exist stays to be created."""
    try:
        pulumi(
            project, stack, "refresh", "--yes", "--skip-preview", "--target", urn,
            "--import-pending-creates", urn, "--import-pending-creates", identity,
        )  # fmt: skip
    except PulumiError:
        return
    say(f"took over {identity}, which an interrupted update had created")

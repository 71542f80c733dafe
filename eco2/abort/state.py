"""What an abort reads of a stack's state, and what it leaves to other updates."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from eco2.abort.targets import components
from eco2.stack.cli import LOCK_ONLY, PulumiError, about, exported, pulumi, target_options
from eco2.terminal.progress import telling
from rollout.marks import CANARY_SERVICE
from rollout.problems import ConfigError
from rollout.traffic.names import own_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from eco2.abort.request import AbortRequest


def resources_of(request: AbortRequest, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The resources of the stack's state; beside a running update a backend of files may hold half of one."""
    with telling(say, lambda waited: [f"{waited} for the state of {request.stack}, from its backend"]):
        return _resources_of(request)


def _resources_of(request: AbortRequest) -> list[dict[str, Any]]:
    for wait_seconds in (0.2, 1.0):
        try:
            return exported(request.project, request.stack)
        except PulumiError:
            time.sleep(wait_seconds)
    return exported(request.project, request.stack)


def ask_for_lock(request: AbortRequest, say: Callable[[str], None], wrong: Exception | None = None) -> None:
    """Looks whether nobody else updates the stack.

    Args:
        request: The stack.
        say: Takes a line for the user.
        wrong: What is to be told along with a failure; None if nothing.

    Raises:
        LockedError: If somebody does.
        BrokenOrderError: If the state is out of order.
        PulumiError: If that is not known.
    """
    try:
        with telling(say, lambda waited: [f"{waited} for the lock of {request.stack}, from its backend"]):
            pulumi(request.project, request.stack, *LOCK_ONLY)
    except PulumiError as error:
        if wrong and type(error) is PulumiError:
            raise PulumiError(f"{error}\n{wrong}") from None
        raise


def never_brought_up(request: AbortRequest, service: str, say: Callable[[str], None]) -> bool:
    """Whether the state knows that a service never had any resource.

    False where it cannot be read, or knows no service at all: the wrong backend's, or a stack's that was just made.
    """
    try:
        known = components(resources_of(request, say)).values()
    except PulumiError:
        return False
    return bool(known) and service not in known


def what_waits(request: AbortRequest, names: tuple[str, ...], say: Callable[[str], None]) -> str:
    """What else the checkout would change of some services, in one line; empty if nothing.

    An abort brings none of it: in the middle of an incident nobody has approved it.
    """
    try:
        resources = resources_of(request, say)
        mine = {urn for urn, name in components(resources).items() if name in names}
        urns = [one["urn"] for one in resources if one["urn"] in mine or one.get("parent", "") in mine]
        if not urns:
            return ""
        options = target_options([*urns, *_may_come(request, names)])
        with telling(say, lambda waited: [f"{waited} for what else the checkout asks for: pulumi preview"]):
            told = pulumi(
                request.project, request.stack, "preview", "--json", *options, variables=about(names)
            )
        waits = waiting_steps(told)
    except (PulumiError, ValueError) as error:
        if isinstance(error, PulumiError) and (refused := refusals(error.output)):
            return f"not brought by this abort, and refused if the checkout asks for it: {'; '.join(refused)}"
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return f"whether the checkout asks for more of these services is not known: {reason[-1].strip()}"
    return f"not brought by this abort, and asked for by the checkout: {'; '.join(waits)}" if waits else ""


def _may_come(request: AbortRequest, names: tuple[str, ...]) -> list[str]:
    """What the checkout may add to some services, as patterns of URNs: without them, what waits for it is refused."""
    from rollout.spec.files import read_catalog  # noqa: PLC0415  # with the models, slow to import

    try:
        services = read_catalog(request.project / "services.yaml").services
    except ConfigError:  # the program tells it better
        services = {}
    own = [one for name in names for one in own_names(name)]
    companions = [one for name in names if name in services for one in services[name].companions]
    return [f"urn:pulumi:{request.stack}::*::{CANARY_SERVICE}$**::{one}" for one in (*own, *companions)]


def waiting_steps(preview: str) -> list[str]:
    """The steps of `pulumi preview --json` that would change something: `update Deployment auth-api`.

    Raises:
        ValueError: If it is no JSON.
    """
    found = []
    for step in json.loads(preview[preview.index("{") :])["steps"]:
        types, name = step["urn"].split("::")[2:4]
        if step["op"] not in ("same", "read") and not types.startswith("pulumi:"):
            found.append(f"{step['op']} {types.rsplit(':', 1)[1]} {name}")
    return sorted(found)


def refusals(preview: str) -> list[str]:
    """What the program refused in a `pulumi preview --json` that failed, a line for each problem; empty if unknown."""
    try:
        told = json.loads(preview[preview.index("{") :]).get("diagnostics") or ()
        errors = [
            str(one["message"]) for one in told if str(one.get("severity", "")).endswith(("err", "error"))
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    # The first line counts the problems, which stand indented below it.
    return [
        line.strip() for one in errors for line in one.splitlines() if line.startswith("  ") and line.strip()
    ]

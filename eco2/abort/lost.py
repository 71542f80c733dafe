"""What somebody deleted of a service that an abort takes back: the state forgets it, and it is made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.stack.cli import about, pulumi, target_options
from eco2.stack.missing import to_forget
from kube.errors import ClusterError
from rollout.plan.state import AUTOSCALERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eco2.abort.request import AbortRequest
    from kube.cluster import ClusterClient
    from rollout.diff.objects import Object


def forget(
    request: AbortRequest,
    cluster: ClusterClient,
    urns: Iterable[str],
    namespaces: Mapping[str, str],
    say: Callable[[str], None],
) -> list[Object]:
    """Has the state forget what is gone, since an update of it would fail.

    To refresh all targets would do as well, but a pod of stable's that is not ready would become an error of its
    Deployment, which the update then waits for.

    Args:
        request: The stack.
        cluster: Where to look.
        urns: What the update is limited to.
        namespaces: Those of its services, by name.
        say: Takes a line for the user.

    Returns:
        What is gone.

    Raises:
        PulumiError: If the state cannot be written.
    """
    try:
        lost = to_forget(cluster, urns, namespaces)
    except ClusterError as error:
        say(f"whether somebody deleted something is not known: {error}")
        return []
    if lost:
        say(f"{', '.join(one.full_name for one in lost)} was deleted by somebody, and is made anew")
        gone = target_options(one.urn for one in lost)
        pulumi(request.project, request.stack, "refresh", "--yes", "--skip-preview", *gone)
    return lost


def autoscalers_among(lost: Sequence[Object]) -> dict[str, str]:
    """The environment variable that tells the program which autoscalers are gone, and do not wait in the checkout."""
    return about((), anew=[f"{one.kind}/{one.name}" for one in lost if one.kind in AUTOSCALERS])


def targets_without(urns: Iterable[str], lost: Sequence[Object]) -> list[str]:
    """The targets of an update after something was forgotten: what is gone is named by a pattern, which need not match.

    The engine refuses a target that neither the state nor the program has, and the checkout may have another kind of
    autoscaler.
    """
    gone = {one.urn for one in lost}
    return [urn.replace("urn:pulumi:", "urn:*:", 1) if urn in gone else urn for urn in urns]

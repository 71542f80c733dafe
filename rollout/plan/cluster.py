"""The cluster that a stack's state belongs to, so that a way back need not ask AWS for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.plan.update import Update

PROVIDER: Final = "pulumi:providers:kubernetes"


def identifier_left(resources: Mapping[str, Any], update: Update) -> str | None:
    """The ARN by which the state knows the stack's cluster, in an update that takes something back; else None.

    AWS that does not answer must keep no service on its canary. In any other update AWS is asked, since a cluster
    of the same name in another account has another ARN.

    Args:
        resources: Type and outputs by URN; empty before the first update.
        update: The update.
    """
    if not (update.only or any(plan.order.retreats for plan in update.plans.values())):
        return None
    found = {
        str((one.get("outputs") or {}).get("clusterIdentifier"))
        for one in resources.values()
        if one["type"] == PROVIDER
    }
    own = [arn for arn in found if arn.endswith(f":cluster/{update.settings.cluster.name}")]
    return own[0] if len(own) == 1 else None

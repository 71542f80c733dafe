"""Before a step up is written down: are the canaries fit for more traffic, and does nobody else hold their routes?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eco2.change.fallen_back import fallen_back
from eco2.change.manual_routes import look_at_routes
from eco2.change.readiness import unready
from eco2.prometheus import PrometheusError
from eco2.stack.config import stack_config
from kube.cluster import ClusterClient
from kube.errors import ClusterError
from rollout.guards.readiness import climbing
from rollout.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.change.proposal import Proposal


class NotKnownError(Exception):
    """Whether canaries are fit for more traffic is not known."""


@dataclass(frozen=True)
class CanariesSeen:
    """What was seen of the canaries that are to get more traffic.

    Attributes:
        unfit: Why one must not get more, by service.
        unfinished: The services whose abort was begun and not finished.
        hands: Whose routes somebody else has set, a line a service.
    """

    unfit: Mapping[str, str] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()
    hands: tuple[str, ...] = ()


def look_at_canaries(
    proposal: Proposal, prometheus: str | None, cluster: ClusterClient | None = None
) -> CanariesSeen:
    """Looks at the canaries that run and are to get more traffic by a proposal.

    Args:
        proposal: What is to be done; its plan is known.
        prometheus: Where requests are counted; None: nowhere.
        cluster: The cluster; None: the one that the stack's config names.

    Raises:
        NotKnownError: If cluster or Prometheus do not tell.
    """
    assert proposal.plan is not None  # the caller has looked
    baseline = proposal.baseline
    names = climbing(proposal.plan, baseline.services)
    if not names:
        return CanariesSeen()
    try:
        if cluster is None:
            context = stack_config(baseline.project, baseline.stack).get("kubernetes:context", "")
            cluster = ClusterClient(context)
        found = unready(cluster, baseline.services, names)
        routed = {name: baseline.services[name].service for name in names}
        state = (baseline.last and baseline.last.resources) or {}
        seen = look_at_routes(cluster, routed, state, names, baseline.stack)
        if prometheus:
            weights = {one.service: one.before.share for one in proposal.plan.changes if one.before}
            found = {**fallen_back(prometheus, routed, weights), **found}
    except (ConfigError, ClusterError, PrometheusError) as error:
        raise NotKnownError(
            f"whether the canary of {', '.join(names)} is ready is not known: {error}"
        ) from None
    return CanariesSeen(found, seen.unfinished, seen.hands)

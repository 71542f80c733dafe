"""Before a step up is written down: are the canaries fit for more traffic, and does nobody else hold their routes?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eco2.change.fallen_back import fallen_back
from eco2.change.manual_routes import look_at_routes
from eco2.change.missing_routes import going_on, known_routes
from eco2.change.readiness import unready
from eco2.prometheus import PrometheusError
from eco2.stack.config import stack_config
from eco2.stack.missing import gone
from kube.cluster import ClusterClient
from kube.errors import ClusterError
from rollout.guards.readiness import climbing
from rollout.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.change.proposal import Proposal
    from rollout.diff.objects import Object


class NotKnownError(Exception):
    """Whether canaries are fit for more traffic is not known."""


@dataclass(frozen=True)
class CanariesSeen:
    """What was seen of the canaries that are to get more traffic.

    Attributes:
        unfit: Why one must not get more, by service.
        unfinished: The services whose abort was begun and not finished.
        hands: Whose routes somebody else has set, a line a service.
        deleted: What of the routes that move the state knows and the cluster does not.
    """

    unfit: Mapping[str, str] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()
    hands: tuple[str, ...] = ()
    deleted: tuple[Object, ...] = ()


def look_at_canaries(
    proposal: Proposal, prometheus: str | None, cluster: ClusterClient | None = None
) -> CanariesSeen:
    """Looks at the canaries that run and are to get more traffic by a proposal, and whether all routes are there.

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
    state = (baseline.last and baseline.last.resources) or {}
    moving = {name: baseline.services[name].service for name in going_on(proposal.plan)}
    routes = known_routes(moving, state)
    if not names and not routes:
        return CanariesSeen()
    try:
        if cluster is None:
            context = stack_config(baseline.project, baseline.stack).get("kubernetes:context", "")
            cluster = ClusterClient(context)
        deleted = gone(cluster, routes)
        found = unready(cluster, baseline.services, names)
        routed = {name: baseline.services[name].service for name in names}
        seen = look_at_routes(cluster, routed, state, names, baseline.stack)
        if prometheus and names:
            weights = {one.service: one.before.share for one in proposal.plan.changes if one.before}
            found = {**fallen_back(prometheus, routed, weights), **found}
    except (ConfigError, ClusterError, PrometheusError) as error:
        told = f"whether the canary of {', '.join(names)} is ready is not known"
        if not names:
            told = f"whether the routes of {', '.join(moving)} are there is not known"
        raise NotKnownError(f"{told}: {error}") from None
    return CanariesSeen(found, seen.unfinished, seen.hands, tuple(deleted))

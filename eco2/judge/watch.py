"""Looks at canaries: one reading each, since the look before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.cluster import ClusterClient
    from rollout.judge.judging import Reading
    from rollout.spec.service import ServiceSpec


class Watch:
    """Some canaries over time; the looks of a phase are held against each other."""

    def __init__(
        self, cluster: ClusterClient, prometheus: str | None, services: Mapping[str, ServiceSpec]
    ) -> None:
        """Prepares; nobody is asked yet.

        Args:
            cluster: The cluster.
            prometheus: The URL of a Prometheus with Istio's metrics; None looks at pods alone.
            services: The services whose canaries to look at.

        Raises:
            PrometheusError: If that is no URL.
        """

    def look(self, weights: Mapping[str, int]) -> dict[str, Reading]:
        """What there is to see of each canary now; an outage is `Unknown`, in words.

        Args:
            weights: The canaries' weights in per cent.
        """
        raise NotImplementedError

    def begin_phase(self) -> None:
        """Begins anew: with the next look comes another phase."""

"""Whether an autoscaler that is frozen can have a tolerance of its own in this cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from kube.errors import ClusterError
from kube.tolerance import keeps_tolerance
from rollout.text.plain import inert, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kube.cluster import ClusterClient


class Tolerance:
    """Decides it for one autoscaler after the other; asks the cluster once a kind, and only where one freezes.

    One that is frozen already stays what it is until it thaws: no answer, and no server that gives none,
    changes an autoscaler in the midst of a rollout, and one that the server did not keep is not asked for again.
    Whatever goes back freezes nothing, so no way back waits for an answer.
    """

    def __init__(
        self, frozen: Mapping[tuple[str, str], bool], cluster: Callable[[], ClusterClient] | None
    ) -> None:
        """Prepares; nothing is asked yet.

        Args:
            frozen: Whether it has one, by kind and name, of those that are frozen already.
            cluster: Leads to the cluster; None where there is none. Without an answer no tolerance is
                declared, which every server takes.
        """
        self._frozen, self._cluster = frozen, cluster
        self._known: dict[str, bool] = {}

    def of(self, kind: str, name: str, namespace: str) -> bool:
        """Whether an autoscaler that takes no pod away gets a tolerance.

        Args:
            kind: `HorizontalPodAutoscaler` or `ScaledObject`.
            name: Its name in Pulumi's state.
            namespace: Its namespace.
        """
        if (kind, name) in self._frozen:
            return self._frozen[kind, name]
        if kind not in self._known:
            self._known[kind] = self._cluster is not None and _asked(self._cluster, kind, namespace)
        return self._known[kind]


def _asked(cluster: Callable[[], ClusterClient], kind: str, namespace: str) -> bool:
    try:
        return keeps_tolerance(cluster(), kind, namespace)
    except ClusterError as error:
        told = (
            f"whether a {kind} can have a tolerance is not known, so it gets none: stable keeps its pods while a "
            f"canary carries weight, and may lose some right after a rollback ({error})"
        )
        pulumi.log.warn(inert(one_line(told)))
        return False

"""The lists of objects that a look asks the cluster for, all at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from eco2.background import Later
from eco2.sidecars import NAMESPACES, bare
from eco2.status.live import Objects
from kube.cluster import PART_OF
from kube.errors import ForbiddenError, NotServedError
from kube.kinds import OF_A_SERVICE, path
from rollout.diff.drift import Drift, drift
from rollout.diff.objects import of_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from kube.cluster import ClusterClient
    from rollout.diff.objects import Object

DETAILS = ("ReplicaSet", "Pod")
REFUSED = (
    "{} are not looked at: {}; docs/iam/rbac.yaml has the rights (ClusterRole eco2-read) that a status needs"
)
NO_SIDECARS = (
    "{} is not as applied: without the label istio-injection=enabled pods that start there get no sidecar, and calls "
    "from there ignore the routes; what brings it back: pulumi up --refresh --run-program --stack {}"
)
NOT_SERVED = "{}; install the definitions again (docs/eks.md), and then bring back what was deleted with them"


class Lists:
    """All kinds that a service is made of, in threads of their own."""

    def __init__(
        self, cluster: ClusterClient, part_of: str, apps: Collection[str], *, detailed: bool
    ) -> None:
        """Begins to ask.

        Args:
            cluster: Whom.
            part_of: The value of `app.kubernetes.io/part-of`.
            apps: The values of `app`; empty for all.
            detailed: Whether ReplicaSets and pods are wanted, too.
        """
        selector = f"{PART_OF}={part_of}" + (f",app in ({','.join(sorted(apps))})" if apps else "")
        kinds = (*OF_A_SERVICE, *(DETAILS if detailed else ()))
        query = {"labelSelector": selector}
        self._asked = {kind: Later(partial(cluster.list, path(kind), query)) for kind in kinds}
        self._namespaces = Later(partial(cluster.list, NAMESPACES))
        self._not_served: dict[str, str] = {}
        self._forbidden: dict[str, str] = {}

    def _of(self, kind: str) -> list[dict[str, Any]]:
        """A list; empty where the cluster serves no such kind, or does not show it."""
        if kind not in self._asked:
            return []
        try:
            return self._asked[kind].result()
        except NotServedError as error:
            self._not_served[kind] = NOT_SERVED.format(error)
        except ForbiddenError as error:
            if kind in (*DETAILS, "Deployment", "Service", "VirtualService"):
                raise
            self._forbidden[kind] = REFUSED.format(f"{kind}s", error)
        return []

    def objects(self) -> Objects:
        """Waits for what tells how a service runs.

        Raises:
            ClusterError: If the cluster does not answer, or shows no Deployments, Services or routes.
        """
        return Objects(
            deployments=self._of("Deployment"),
            replica_sets=self._of("ReplicaSet"),
            pods=self._of("Pod"),
            virtual_services=self._of("VirtualService"),
            services=self._of("Service"),
            destination_rules=self._of("DestinationRule"),
        )

    def without_sidecars(self, names: Collection[str], stack: str) -> str:
        """What is wrong with the namespaces of services that are up, in one line; empty if nothing is.

        Args:
            names: The namespaces.
            stack: The stack, for the command.

        Raises:
            ClusterError: If the cluster does not answer.
        """
        try:
            without = bare(self._namespaces.result(), names)
        except ForbiddenError as error:
            return REFUSED.format("Namespaces", error)
        told = f"namespace{'s' if len(without) > 1 else ''} {', '.join(without)}"
        return NO_SIDECARS.format(told, stack) if without else ""

    def drift(self, state: Iterable[Mapping[str, Any]]) -> tuple[dict[str, tuple[Drift, ...]], list[str]]:
        """Where the cluster is not what the last update left: by service, and what could not be looked at.

        Args:
            state: The resources of the stack's state.

        Raises:
            ClusterError: If the cluster does not answer.
        """
        live = {
            (kind, one["metadata"]["namespace"], one["metadata"]["name"]): one
            for kind in OF_A_SERVICE
            for one in self._of(kind)
        }
        by_service: dict[str, list[Object]] = {}
        for one in of_state(state):
            if one.of_a_service and one.kind in OF_A_SERVICE:
                by_service.setdefault(one.owner, []).append(one)
        needed = {one.kind for objects in by_service.values() for one in objects}
        told = self._not_served | self._forbidden
        found = {
            name: tuple(drift((one for one in objects if one.kind not in self._forbidden), live))
            for name, objects in by_service.items()
        }
        return found, [note for kind, note in told.items() if kind in needed]

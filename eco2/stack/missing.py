"""What the state knows and the cluster does not.

Somebody deleted it. An update that changes it makes nothing anew: the plugin fails with `not found`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eco2.background import each
from kube.cluster import ClusterClient, NotServedError
from rollout.traffic.names import virtual_services

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
    "DestinationRule": "/apis/networking.istio.io/v1/namespaces/{}/destinationrules/{}",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/{}",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets/{}",
    "ScaledObject": "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects/{}",
    "Service": "/api/v1/namespaces/{}/services/{}",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices/{}",
}
LISTS = {kind: path.replace("/namespaces/{}", "").removesuffix("/{}") for kind, path in PATHS.items()}
"""Where all objects of a kind are listed."""
AT_ONCE = 8


@dataclass(frozen=True)
class Known:
    """An object that the state knows."""

    urn: str
    namespace: str

    @property
    def name(self) -> str:
        """Its name, which is that of its resource."""
        return self.urn.rsplit("::", 1)[1]

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return self.urn.split("::")[2].rsplit(":", 1)[1]

    def __str__(self) -> str:
        """`Deployment auth/auth-api`."""
        return f"{self.kind} {self.namespace}/{self.name}"


def known(resources: Iterable[Mapping[str, Any]]) -> list[Known]:
    """The objects among the resources of a state."""
    found = []
    for one in resources:
        meta = (one.get("inputs") or {}).get("metadata")
        if isinstance(meta, dict) and one.get("id") and "namespace" in meta:
            found.append(Known(str(one["urn"]), str(meta["namespace"])))
    return [one for one in found if one.kind in PATHS]


def gone(cluster: ClusterClient, objects: Sequence[Known]) -> list[Known]:
    """Those of some objects that are not in a cluster.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """

    def there(one: Known) -> bool:
        try:
            return cluster.get(PATHS[one.kind].format(one.namespace, one.name)) is not None
        except NotServedError:  # without KEDA nobody can make a ScaledObject anew
            return True

    found = each(there, objects, AT_ONCE) if objects else []
    return [one for one, is_there in zip(objects, found, strict=True) if not is_there]


def to_forget(cluster: ClusterClient, urns: Iterable[str], namespaces: Mapping[str, str]) -> list[Known]:
    """What the state must forget, so that a way back can make it anew.

    No canary: what is gone is deleted without complaint. And nothing of a service of which nothing is there,
    which tells of another cluster.

    Args:
        cluster: Where to look.
        urns: What the way back is about.
        namespaces: Those of its services, by name.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    lost = []
    for service, namespace in namespaces.items():
        objects = [
            one
            for urn in urns
            if (one := Known(urn, namespace)).name in virtual_services(service) and one.kind in PATHS
        ]
        missing = gone(cluster, objects)
        lost += missing if len(missing) < len(objects) else []
    return lost


def words(lost: Sequence[Known], stack: str) -> str:
    """What is gone, and the way on."""
    return (
        f"the state knows and the cluster does not: {', '.join(map(str, lost))}. An update that changes what was "
        f"deleted fails; what makes it anew: pulumi up --refresh --run-program --stack {stack}"
    )

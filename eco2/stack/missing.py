"""What the state knows and the cluster does not.

Somebody deleted it. An update that changes it makes nothing anew: the plugin fails with `not found`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eco2.background import each
from kube.errors import NotServedError
from kube.kinds import OF_A_SERVICE, path
from rollout.diff.objects import Object, of_state
from rollout.traffic.names import virtual_services

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kube.cluster import ClusterClient

AT_ONCE = 8


def known(resources: Iterable[Mapping[str, Any]]) -> list[Object]:
    """The objects among the resources of a state that a service is made of."""
    made = of_state(one for one in resources if one.get("id"))
    return [one for one in made if one.namespace and one.kind in OF_A_SERVICE]


def gone(cluster: ClusterClient, objects: Sequence[Object]) -> list[Object]:
    """Those of some objects that are not in a cluster.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """

    def there(one: Object) -> bool:
        try:
            return cluster.get(path(one.kind, one.namespace, one.name)) is not None
        except NotServedError:  # without KEDA nobody can make a ScaledObject anew
            return True

    found = each(there, objects, AT_ONCE) if objects else []
    return [one for one, is_there in zip(objects, found, strict=True) if not is_there]


def to_forget(cluster: ClusterClient, urns: Iterable[str], namespaces: Mapping[str, str]) -> list[Object]:
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
            if (one := Object(urn, "", {"metadata": {"namespace": namespace}})).kind in OF_A_SERVICE
            and one.name in virtual_services(service)
        ]
        missing = gone(cluster, objects)
        lost += missing if len(missing) < len(objects) else []
    return lost


def words(lost: Sequence[Object], stack: str) -> str:
    """What is gone, and the way on."""
    names = ", ".join(one.full_name for one in lost)
    return (
        f"the state knows and the cluster does not: {names}. An update that changes what was "
        f"deleted fails; what makes it anew: pulumi up --refresh --run-program --stack {stack}"
    )

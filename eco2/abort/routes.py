"""The first stroke of an abort: routes go back to stable, straight at the API.

It reads what is there and takes the canary out of it, so it needs neither Pulumi nor the
state nor a config that can be used. It writes as the updates do, by a forced server-side
apply of the whole object under their field manager, so that the next update meets no
conflict (rule 12). A worker has no routes: `workers` takes the pods from its canary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from eco2.abort.attempts import attempted
from eco2.abort.workers import rest
from eco2.background import Later
from eco2.field_managers import applicable, hands
from kube.errors import ClusterError, ConflictError, NotServedError
from rollout.marks import FIELD_MANAGER
from rollout.traffic.kinds import by_selector, by_weight, reads_queues
from rollout.traffic.names import routing_objects
from rollout.traffic.selector import NoSelectorError, pinned
from rollout.traffic.strip import without_canary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kube.cluster import ClusterClient

SCALED: Final = "scaled to 0; its pods finish their message"


class RoutedService(Protocol):
    """What must be known of a service: where it lives, and what brings traffic to it."""

    @property
    def kind(self) -> str:
        """`api`, `grpc` or `worker`; empty where that is not known."""

    @property
    def namespace(self) -> str:
        """Where its objects live."""


@dataclass(frozen=True)
class Stroke:
    """What the first stroke did to one service.

    Attributes:
        service: Its name.
        moved: The objects that were changed; empty if none sent anything to a canary.
        failure: Why an object could not be changed; empty if all went well.
        found: The objects that were there.
        missing: Those that were looked for and are not there, as `VirtualService auth/auth-api`.
        noted: What could not be looked at of objects that a service of its kind has not.
        rested: Of a worker, whether its canary's Deployment was seen to ask for no pods.
        unstopped: Of a worker, why its canary may take work still; empty where it does not, or there is none.
    """

    service: str
    moved: tuple[str, ...]
    failure: str = ""
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    noted: str = ""
    rested: bool = False
    unstopped: str = ""

    @property
    def lost(self) -> bool:
        """Whether the service has routes, and none of them was found: nothing is known of its canary then."""
        return bool(self.missing) and not self.found and not self.failure

    @property
    def unrouted(self) -> bool:
        """Whether the service has no routes, as a worker: its canary is scaled to 0 instead."""
        return not (self.missing or self.found or self.failure)

    @property
    def resting(self) -> str:
        """That a worker's canary asks for no pods, in words; empty where that was not seen."""
        if not self.rested:
            return ""
        return (
            SCALED if any(title.startswith("Deployment ") for title in self.moved) else "scaled to 0 already"
        )

    @property
    def awake(self) -> str:
        """Of a worker, why its canary takes work, or may, if it has one; empty where it is at rest."""
        told = "" if self.rested else "its canary still takes work"
        return ": ".join(filter(None, (told, self.unstopped)))


def strike(
    cluster: ClusterClient, services: Mapping[str, RoutedService], names: Iterable[str]
) -> list[Stroke]:
    """Takes the canaries of some services out of all routes, all objects at the same time.

    Args:
        cluster: The cluster.
        services: What the services are.
        names: Which of them.

    Returns:
        What was done, one a service; a failure of one holds up no other.
    """
    looks = [(name, Later(partial(_take_back, cluster, name, services[name]))) for name in names]
    return [later.result() for _, later in looks]


def _take_back(cluster: ClusterClient, name: str, service: RoutedService) -> Stroke:
    """Takes one service's canary out of its routes.

    VirtualServices are looked for whatever the checkout says of the kind: a wrong word in it must not hide them.
    """
    if not service.namespace:
        told = f"its namespace cannot be read from services.yaml; name it: eco2 abort {name} --namespace NAMESPACE"
        return Stroke(name, (), told)
    routed = by_weight(service.kind)
    stroke = _move_all(
        cluster, name, service.namespace, routing_objects(name, "api"), may_be_unserved=not routed
    )
    if routed or stroke.found:
        return stroke
    if reads_queues(service.kind):
        # It has none to move: what cannot be read of some keeps nobody from ending its canary.
        done = rest(cluster, name, service.namespace)
        return Stroke(name, done.moved, noted=stroke.failure, rested=done.rested, unstopped=done.why)
    selected = _move_all(cluster, name, service.namespace, routing_objects(name, "grpc"))
    # What Istio's API does not tell keeps no Service from being pinned.
    failure = "; ".join(filter(None, dict.fromkeys((selected.failure, stroke.failure))))
    if by_selector(service.kind) or selected.found:
        return replace(selected, failure=failure)
    return replace(selected, failure=failure, missing=stroke.missing + selected.missing)


def _move_all(
    cluster: ClusterClient,
    name: str,
    namespace: str,
    objects: Iterable[tuple[str, str]],
    *,
    may_be_unserved: bool = False,
) -> Stroke:
    """Takes a service's canary out of some objects, all at the same time."""
    begun = [
        (
            f"{kind} {namespace}/{one}",
            Later(partial(attempted, partial(_move, cluster, kind, namespace, one))),
        )
        for kind, one in objects
    ]
    moved: list[str] = []
    found: list[str] = []
    missing: list[str] = []
    failures: list[str] = []
    for title, later in begun:
        try:
            result = later.result()
        except NotServedError as error:
            if may_be_unserved:
                missing.append(title)
            else:
                failures.append(str(error))
        except (ClusterError, NoSelectorError) as error:
            failures.append(str(error))
        except Exception as error:  # noqa: BLE001  # one strange object must not end the way back of others
            failures.append(f"{title} has a shape that is not understood: {type(error).__name__}: {error}")
        else:
            (missing if result is None else found).append(title)
            if result:
                moved.append(title)
    return Stroke(name, tuple(moved), "; ".join(dict.fromkeys(failures)), tuple(found), tuple(missing))


def _move(cluster: ClusterClient, kind: str, namespace: str, name: str) -> bool | None:
    """Takes the canary out of one object; False if it was not in it, None if there is no such object.

    Raises:
        ConflictError: If it is in it again afterwards.
        ClusterError: If the cluster refuses or does not answer.
        NoSelectorError: If a Service selects no pods by labels.
    """
    live = cluster.read(kind, namespace, name)
    if live is None:
        return None
    wanted = _to_stable(kind, live)
    if wanted == live and not hands(live, kind):
        return False
    cluster.apply(applicable(wanted), FIELD_MANAGER)
    try:
        # Asked again by itself: a second write would find nothing to move, and say so.
        after = attempted(partial(cluster.read, kind, namespace, name))
    except ClusterError as error:
        raise ClusterError(
            f"{kind} {namespace}/{name} was written, and could not be read again: {error}"
        ) from None
    if after is None:
        return None
    if _to_stable(kind, after) != after:
        who = ", ".join(hands(after, kind)) or "an admission webhook, or somebody under the updates' name"
        raise ConflictError(
            f"{kind} {namespace}/{name} was written, and it leads to the canary again; who else writes it: {who}"
        )
    return wanted != live


def _to_stable(kind: str, live: dict[str, Any]) -> dict[str, Any]:
    return without_canary(live) if kind == "VirtualService" else pinned(live)

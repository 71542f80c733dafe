"""The first stroke of a worker, which no route leads to: its canary's Deployment asks for no pods any more.

A pod that ends finishes its message and takes no other, so from then on queues are read by stable alone. The canary
itself is deleted by the second stroke, and with it a ScaledObject and what holds that.

The number is set by `deployments/scale`, for which nobody needs the right to write a Deployment, that is to run any
image. The price is an owner of that field besides the updates, `eco2` for the subresource, which the lab's plugin does
not take over; so canaries of workers carry `pulumi.com/patchForce`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from eco2.abort.attempts import attempted
from eco2.abort.strays import COMPONENT
from eco2.field_managers import applicable
from kube.errors import ClusterError, ConflictError, ForbiddenError, NotServedError
from rollout.marks import FIELD_MANAGER
from rollout.traffic.kinds import KINDS, reads_queues
from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.cluster import ClusterClient

T = TypeVar("T")
Live = dict[str, Any]
PAUSED: Final = "autoscaling.keda.sh/paused-replicas"
"""Holds KEDA at a number of pods."""


@dataclass(frozen=True)
class Rest:
    """What was done to a worker's canary.

    Attributes:
        moved: The objects that were changed, as `Deployment scan/scan-worker-canary`.
        rested: Whether its Deployment was seen to ask for no pods.
        why: Why it may take work all the same, or again; empty where it does not, or there is no canary.
    """

    moved: tuple[str, ...] = ()
    rested: bool = False
    why: str = ""


@dataclass(frozen=True)
class _Object:
    """An object of a canary."""

    cluster: ClusterClient
    kind: str
    namespace: str
    name: str

    @property
    def title(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    def read(self) -> Live | None:
        call = partial(self.cluster.read, self.kind, self.namespace, self.name)
        return _asked(f"get {self.title}", call)

    def why(self, error: Exception) -> str:
        """An error in words."""
        if isinstance(error, ClusterError):
            return str(error)
        return f"{self.title} has a shape that is not understood: {type(error).__name__}: {error}"


def rest(cluster: ClusterClient, worker: str, namespace: str) -> Rest:
    """Takes all pods from a worker's canary, and looks whether that holds.

    Kubernetes' own autoscaler leaves a Deployment at 0 alone; KEDA scales it up again, so it is held first.

    Args:
        cluster: Where it runs.
        worker: The service.
        namespace: Its namespace.
    """
    deployment = _Object(cluster, "Deployment", namespace, canary_name(worker))
    scaler = _Object(cluster, "ScaledObject", namespace, canary_name(worker))
    moved: list[str] = []
    held = ""
    try:
        live = attempted(deployment.read)
        if live is None:
            return Rest()
        if kind := _routed_kind(live):
            told = (
                f"by its label {COMPONENT} {deployment.title} is of kind {kind}, so requests may come to it"
            )
            return Rest(why=f"{told}, and it is left as it is")
        try:
            if attempted(partial(_pause, scaler)):
                moved.append(scaler.title)
        except NotServedError:  # KEDA is not everywhere
            pass
        except Exception as error:  # noqa: BLE001  # the pods go all the same
            held = f"whether KEDA scales it up again is not known: {scaler.why(error)}"
        done = attempted(partial(_scale, deployment))
    except Exception as error:  # noqa: BLE001  # one strange object must not end the way back of others
        return Rest(tuple(moved), why="; ".join(filter(None, (deployment.why(error), held))))
    if done:
        moved.append(deployment.title)
    # None: somebody has deleted it meanwhile.
    return Rest(tuple(moved), rested=done is not None, why="" if done is None else held)


def _scale(one: _Object) -> bool | None:
    """Sets a Deployment to 0; False if it was there, None if there is no such object.

    Raises:
        ConflictError: If it is not so afterwards.
        ClusterError: If the cluster refuses or does not answer.
    """
    live = one.read()
    if live is None or _replicas(live) == 0:
        return None if live is None else False
    call = partial(one.cluster.scale, one.namespace, one.name, 0, FIELD_MANAGER)
    _asked(f"patch deployments/scale of {one.title}", call)
    after = one.read()
    if after is not None and (found := _replicas(after)) != 0:
        raise ConflictError(f"{one.title} was scaled to 0, and its spec.replicas is {found} again")
    return None if after is None else True


def _pause(one: _Object) -> bool:
    """Holds a ScaledObject at 0 pods; False if it was held, or there is none.

    It is applied whole, as routes are: the next update that applies it leaves the annotation out, and so takes it away.

    Raises:
        ConflictError: If it is not so afterwards.
        ClusterError: If the cluster refuses or does not answer.
    """
    live = one.read()
    if live is None or _annotations(live).get(PAUSED) == "0":
        return False
    meta = {**live["metadata"], "annotations": {**_annotations(live), PAUSED: "0"}}
    document = applicable({**live, "metadata": meta})
    _asked(f"patch {one.title}", partial(one.cluster.apply, document, FIELD_MANAGER))
    after = one.read()
    if after is not None and _annotations(after).get(PAUSED) != "0":
        raise ConflictError(f"{one.title} was held by the annotation {PAUSED}, which is gone again")
    return True


def _asked(what: str, call: Callable[[], T]) -> T:
    """What a call gives; where the user may not do that, the error names it as RBAC does."""
    try:
        return call()
    except ForbiddenError as error:
        raise ForbiddenError(f"no right to {what}: {error}") from None


def _routed_kind(live: Live) -> str:
    """The kind that an object says it is of, where that is none that reads queues: then the checkout is wrong."""
    kind = str((live["metadata"].get("labels") or {}).get(COMPONENT))
    return kind if kind in KINDS and not reads_queues(kind) else ""


def _replicas(live: Live) -> object:
    return live["spec"].get("replicas")


def _annotations(live: Live) -> dict[str, str]:
    return live["metadata"].get("annotations") or {}

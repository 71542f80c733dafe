"""What a wait watches, and the rights that this takes.

The official plugin subscribes to whole kinds of a namespace: a Deployment's wait to its pods and even to
volume claims that it does not have, a deletion's to the kind that is deleted. Where a right to list or watch
is missing it hangs for ever, without a word and beyond every timeout. Here the same rights are needed, and
the one that is missing is named at once.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from lab.plugins.host import RefusedError

if TYPE_CHECKING:
    from lab.api import Api

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
VERBS = ("list", "watch")
WATCHED = {
    "Deployment": (
        ("apps/v1", "Deployment"),
        ("apps/v1", "ReplicaSet"),
        ("v1", "Pod"),
        ("v1", "PersistentVolumeClaim"),
    ),
    "Service": (("v1", "Service"), ("v1", "Endpoints")),
}
"""Version and kind of what the wait for each kind subscribes to; other kinds are not waited for."""


class Watching:
    """The subscriptions of one plugin process, which are kept and shared as the official plugin's are."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._subscribed: set[tuple[str, str, str]] = set()
        self._one_at_a_time = Lock()

    def subscribe(self, title: str, namespace: str, kinds: tuple[tuple[str, str], ...]) -> None:
        """Subscribes to kinds in a namespace; an empty one means the whole cluster.

        Raises:
            RefusedError: If the user may not list or watch one of them; names all that are missing.
        """
        with self._one_at_a_time:
            new = [kind for kind in kinds if (*kind, namespace) not in self._subscribed]
            missing = [
                f"{verb} {self._resource(*kind)}"
                for kind in new
                for verb in VERBS
                if not self._may(verb, *kind, namespace)
            ]
            if missing:
                place = f"in namespace {namespace}" if namespace else "in the cluster"
                raise RefusedError(
                    f"{title}: this user may not {', '.join(missing)} {place}, which the wait needs; "
                    "with the official plugin the update would hang here"
                )
            self._subscribed.update((*kind, namespace) for kind in new)

    def _resource(self, api_version: str, kind: str) -> str:
        group = api_version.rpartition("/")[0]
        plural, _ = self._api.kind(api_version, kind)
        return f"{plural}.{group}" if group else plural

    def _may(self, verb: str, api_version: str, kind: str, namespace: str) -> bool:
        plural, _ = self._api.kind(api_version, kind)
        attributes = {"verb": verb, "group": api_version.rpartition("/")[0], "resource": plural}
        if namespace:
            attributes["namespace"] = namespace
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        answer = self._api.request("POST", REVIEWS, {**review, "spec": {"resourceAttributes": attributes}})
        return bool(answer["status"]["allowed"])

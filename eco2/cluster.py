"""What runs in the cluster, read through one named context."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eco2.connection import NoAnswerError, Request, connect
from eco2.kubeconfig import KubeconfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_FOUND = 404
REFUSED = 400
APPLY = "application/apply-patch+yaml"
JSON = "application/json"
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks for what an object is called and not for what is in it: Secrets stay secret."""
PART_OF = "app.kubernetes.io/part-of"
_PLACES = {
    "Service": "/api/v1/namespaces/{}/services",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
}


class ClusterError(Exception):
    """The cluster cannot be asked; the message says why and what to do."""


@dataclass(frozen=True)
class Pods:
    """The pods of one Deployment.

    Attributes:
        ready: Those that are ready.
        wanted: Those that should be.
    """

    ready: int
    wanted: int

    def __str__(self) -> str:
        """`2/3`."""
        return f"{self.ready}/{self.wanted}"


class Cluster:
    """A cluster behind one named context of the kubeconfig."""

    def __init__(self, context: str) -> None:
        """Prepares; nothing is asked yet.

        Args:
            context: The kubeconfig's context; never the ambient one.

        Raises:
            ClusterError: If the context is unknown, or its credentials cannot be had.
        """
        self._context = context
        try:
            self._connection = connect(context)
        except KubeconfigError as error:
            raise ClusterError(str(error)) from None

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """The objects of a list.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        found: list[dict[str, Any]] = (self._call("GET", path, query) or {"items": []})["items"]
        return found

    def get(self, path: str) -> dict[str, Any] | None:
        """What stands at a path; None if nothing does.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        return self._call("GET", path)

    def names(self, path: str) -> set[tuple[str, str]]:
        """Namespace and name of the objects of a list; what is in them is not read.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        # An empty list of this kind comes as null.
        found = (self._call("GET", path, accept=NAMES_ONLY) or {}).get("items") or ()
        return {(one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in found}

    def may(self, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        """Whether the user of this context may do something, in one namespace or, without one, in all.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
        return bool(answer and answer["status"].get("allowed"))

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """An object; None if it does not exist.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        return self._call("GET", f"{_PLACES[kind].format(namespace)}/{name}")

    def apply(self, document: Mapping[str, Any], manager: str) -> None:
        """Applies an object whole under a field manager, whoever else owned its fields.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        meta = document["metadata"]
        path = f"{_PLACES[document['kind']].format(meta['namespace'])}/{meta['name']}"
        self._call("PATCH", path, {"fieldManager": manager, "force": "true"}, document)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: str = JSON,
    ) -> dict[str, Any] | None:
        content = {"Content-Type": APPLY if method == "PATCH" else JSON} if body else {}
        headers = {"Accept": accept} | content
        at = f"the cluster of context {self._context}"
        try:
            status, text = self._connection.send(Request(method, path, query or {}, headers, body))
        except NoAnswerError as error:
            raise ClusterError(f"{at} does not answer: {error}") from None
        except KubeconfigError as error:
            raise ClusterError(str(error)) from None
        if status == NOT_FOUND:
            return None
        decoded: dict[str, Any] = json.loads(text) if text[:1] == b"{" else {"message": text.decode()}
        if status >= REFUSED:
            raise ClusterError(f"{at} refused {path}: {decoded.get('message', status)}")
        return decoded


def deployments(cluster: Cluster, part_of: str) -> dict[str, Pods]:
    """The Deployments of the system, by name.

    Args:
        cluster: The cluster.
        part_of: The value of `app.kubernetes.io/part-of`.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    found = cluster.list("/apis/apps/v1/deployments", {"labelSelector": f"{PART_OF}={part_of}"})
    return {
        one["metadata"]["name"]: Pods(one["status"].get("readyReplicas", 0), one["spec"].get("replicas", 0))
        for one in found
    }

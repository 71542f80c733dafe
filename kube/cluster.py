"""What runs in the cluster, read through one named context."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from kube.answers import names_an_object, way_on
from kube.connection import TIMEOUT_SECONDS, ApiRequest, NoAnswerError, connect
from kube.errors import (
    BusyError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    NoClusterError,
    NotServedError,
)
from kube.kinds import path as path_of
from kube.kubeconfig import KubeconfigError, UnknownContextError
from kube.waiting import told_if_slow
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_FOUND = 404
REFUSED = 400
FORBIDDEN = 403
CONFLICT = 409
BUSY = (429, 500, 502, 503, 504)
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks for what an object is called and not for what is in it: Secrets stay secret."""
PART_OF = "app.kubernetes.io/part-of"
API = re.compile(
    r"/apis/(?P<group>[^/]+)/(?P<version>[^/]+)(?P<rest>/(?:namespaces/[^/]+/)?(?P<resource>[^/]+).*)"
)

_ERRORS = {CONFLICT: ConflictError, FORBIDDEN: ForbiddenError} | dict.fromkeys(BUSY, BusyError)


class ClusterClient:
    """A cluster behind one named context of the kubeconfig."""

    def __init__(self, context: str) -> None:
        """Prepares; nothing is asked yet.

        Args:
            context: The kubeconfig's context; never the ambient one.

        Raises:
            NoClusterError: If the context is unknown.
            ClusterError: If its credentials cannot be had.
        """
        self._context = context
        self._served: dict[tuple[str, str], str] = {}
        try:
            self._connection = connect(context)
        except UnknownContextError as error:
            raise NoClusterError(str(error)) from None
        except KubeconfigError as error:
            raise ClusterError(str(error)) from None

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """The objects of a list.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        found: list[dict[str, Any]] = (self._call("GET", path, query) or {}).get("items") or []
        return found

    def get(self, path: str) -> dict[str, Any] | None:
        """What is at a path; None if no such object is.

        Raises:
            NotServedError: If the cluster serves no such API.
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

    def may(self, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool:
        """Whether the user of this context may do something.

        Args:
            verb: What, as RBAC writes it.
            group: The API's group.
            resource: The kind's plural.
            namespace: In which namespace; empty for all, or for what is in none.
            name: With which object; empty for all.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        attributes = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "namespace": namespace,
            "name": name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
        return bool(answer and answer["status"].get("allowed"))

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """An object, in the version of its API that the cluster serves; None if it does not exist.

        Raises:
            NotServedError: If the cluster serves no API for this kind.
            ClusterError: If the cluster refuses or does not answer.
        """
        return self._call("GET", path_of(kind, namespace, name))

    def version_instead(self, resource: str) -> str:
        """The version by which a resource was asked for, since the cluster does not serve the usual one; else empty."""
        return next((version for (_, one), version in self._served.items() if one == resource), "")

    def tried(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """What the server would make of a new object; a dry run, after which nothing is there.

        A field that the server does not know is left out without a word.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        return self._call("POST", path, {"dryRun": "All", "fieldValidation": "Ignore"}, document) or {}

    def apply(self, document: Mapping[str, Any], manager: str) -> None:
        """Applies an object whole under a field manager, whoever else owned its fields.

        Raises:
            ConflictError: If the document names a resourceVersion, and the object is no longer at it.
            ClusterError: If the cluster refuses or does not answer.
        """
        meta = document["metadata"]
        path = path_of(document["kind"], meta["namespace"], meta["name"])
        version = str(document["apiVersion"])
        if API.match(path):
            path = API.sub(rf"/apis/{version}\g<rest>", path)
        if self._call("PATCH", path, {"fieldManager": manager, "force": "true"}, document) is None:
            raise ClusterError(f"{self._at} took nothing at {path}: the namespace is gone")

    def scale(self, namespace: str, deployment: str, replicas: int, manager: str) -> None:
        """Sets a Deployment's number of pods by its subresource `scale`; nothing where it does not exist.

        Raises:
            ClusterError: If the cluster refuses or does not answer.
        """
        path = f"{path_of('Deployment', namespace, deployment)}/scale"
        self._call("PATCH", path, {"fieldManager": manager}, {"spec": {"replicas": replicas}}, patch=MERGE)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: str = JSON,
        patch: str = APPLY,
    ) -> dict[str, Any] | None:
        """Sends a request; None if there is no such object.

        Where the server does not serve the path's version of an API, the one that it serves is asked: Istio
        before 1.22 has no `v1`, and its objects are the same.
        """
        found = API.match(path)
        kind = (found["group"], found["resource"]) if found else ("", "")
        version = self._served.get(kind)
        if found and version:
            path = API.sub(rf"/apis/{found['group']}/{version}\g<rest>", path)
        status, decoded = self._send(method, path, query, body, accept, patch)
        if status != NOT_FOUND or names_an_object(decoded):
            return None if status == NOT_FOUND else decoded
        if found and kind not in self._served:
            self._served[kind] = self._version_of(*kind, path)
        # Another thread may have found it while this one asked.
        if found and self._served[kind] != version:
            return self._call(method, path, query, body, accept, patch)
        raise NotServedError(f"{self._at} serves nothing at {path}; is it the right cluster?")

    def _version_of(self, group: str, resource: str, path: str) -> str:
        """The first version of an API group, in the server's order, that has a resource; others may lack it."""
        for version in self._send("GET", f"/apis/{group}")[1].get("versions") or ():
            name = str(version.get("version"))
            known = self._send("GET", f"/apis/{group}/{name}")[1].get("resources") or ()
            if any(one.get("name") == resource for one in known):
                return name
        raise NotServedError(
            f"{self._at} serves no {resource} of {group}, asked for {path}; is it the right cluster?"
        )

    @property
    def _at(self) -> str:
        return f"the cluster of context {self._context}"

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: str = JSON,
        patch: str = APPLY,
    ) -> tuple[int, dict[str, Any]]:
        """Sends a request; the status and the decoded answer.

        Raises:
            ClusterError: If the cluster refuses, by another status than 404, or does not answer in JSON.
        """
        content = {"Content-Type": patch if method == "PATCH" else JSON} if body else {}
        headers = {"Accept": accept} | content
        try:
            with told_if_slow(f"waiting for {self._at}, {TIMEOUT_SECONDS} s at the most for each answer"):
                status, text = self._connection.send(ApiRequest(method, path, query or {}, headers, body))
        except NoAnswerError as error:
            raised = BusyError if error.cut_off else ClusterError
            raise raised(f"{self._at} does not answer: {error}") from None
        except KubeconfigError as error:
            raise ClusterError(str(error)) from None
        try:
            decoded = json.loads(text)
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            if status < REFUSED:
                raise ClusterError(f"{self._at} answers {path} with something else than JSON")
            decoded = {"message": text.decode(errors="replace").strip()}
        if status >= REFUSED and status != NOT_FOUND:
            reason = one_line(str(decoded.get("message", status)))
            raise _ERRORS.get(status, ClusterError)(f"{self._at} refused {path}: {reason}{way_on(reason)}")
        return status, decoded

"""The plugin's answers to the engine."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from lab.api import Api, ApiError, Unreachable, connection
from lab.plugins import differences
from lab.plugins.host import NotReadyError, Plugin, RefusedError, has_unknown, refuse, to_python, to_struct
from lab.plugins.kubernetes import objects as k8s
from lab.plugins.kubernetes.manifests import described, normal, pruned, state, substance
from lab.plugins.kubernetes.waiting import until_gone, until_ready

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_TIMEOUT_SECONDS = 600.0
IMMUTABLE = {
    "*": ("apiVersion", "kind", "metadata.name", "metadata.namespace"),
    "ConfigMap": ("binaryData", "data"),
    "Deployment": ("spec.selector",),
    "Secret": ("data", "stringData", "type"),
    "Service": ("spec.clusterIP",),
}
"""Paths whose change needs a new object (pulumi-kubernetes `provider/diff.go`); `*` for all kinds."""


class Kubernetes(Plugin):
    """One cluster, as a provider's settings name it."""

    version = "4.34.2"

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[str, Any] = {}
        self._cluster: k8s.Objects | None = None
        self._deleted_first: set[str] = set()

    def DiffConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802  # the engine's names, here and below
        """Another cluster needs new objects; the identifier, where there is one, says whether it is another."""
        old, new = to_python(request.olds), to_python(request.news)
        identified = "clusterIdentifier" in old and "clusterIdentifier" in new
        decides = (
            ("clusterIdentifier",)
            if identified
            else ("clusterIdentifier", "context", "kubeconfig", "cluster")
        )
        return differences.answer(old, new, decides)

    def Configure(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Takes the settings; the cluster is asked only when there is something to ask."""
        self._settings = to_python(request.args)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def _objects(self) -> k8s.Objects:
        if self._cluster is None:
            kubeconfig = self._settings.get("kubeconfig") or os.environ.get("KUBECONFIG") or "~/.kube/config"
            try:
                to = connection(Path(kubeconfig).expanduser(), str(self._settings.get("context", "")))
            except (OSError, LookupError) as error:
                raise RefusedError(f"configured Kubernetes cluster is unreachable: {error}") from None
            self._cluster = k8s.Objects(Api(to), patch_force=self._is_set("enablePatchForce"))
        return self._cluster

    def _is_set(self, setting: str) -> bool:
        return str(self._settings.get(setting, "")).lower() == "true"

    def Check(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Names what has no name; keeps the name that an earlier update gave."""
        inputs, old = to_python(request.news), to_python(request.olds)
        meta = inputs.setdefault("metadata", {})
        if isinstance(meta, dict) and "name" not in meta and not has_unknown(meta):
            before = old.get("metadata", {})
            name = request.urn.rsplit("::", 1)[1]
            meta["name"] = before.get("name") or f"{name}-{secrets.token_hex(4)}"
            meta.setdefault("annotations", {})[k8s.AUTONAMED_ANNOTATION] = "true"
        return provider_pb2.CheckResponse(inputs=to_struct(inputs))

    def Diff(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Compares what the last update left, at the places that its inputs named, with the new inputs.

        The cluster is not asked.
        """
        inputs, new = to_python(request.old_inputs), to_python(request.news)
        old = pruned(to_python(request.olds), inputs)
        for path in request.ignoreChanges:
            differences.keep(old, new, path)
        old, new = normal(old), normal(new)
        immutable = (*IMMUTABLE["*"], *IMMUTABLE.get(new.get("kind", ""), ()))
        answer = differences.answer(old, new, immutable, delete_first=_collides(old, new))
        if answer.deleteBeforeReplace:
            self._deleted_first.add(request.urn)
        return answer

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Creates an object and waits for it; in a preview, asks the server for a dry run."""
        inputs = to_python(request.properties)

        def work() -> Any:
            upsert = self._is_set("upsertExistingObjects")
            if request.preview:
                # What it replaces is still there in a preview, so the server judges it by another name.
                tried = _renamed(inputs) if request.urn in self._deleted_first else inputs
                self._dry_run(tried, lambda objects: objects.create(tried, dry_run=True, upsert=upsert))
                return provider_pb2.CreateResponse(properties=to_struct(inputs))
            live = self._objects().create(inputs, dry_run=False, upsert=upsert)
            live = self._ready(request, inputs) or live
            return provider_pb2.CreateResponse(id=k8s.identity(inputs["metadata"]), properties=state(live))

        return self._answered(context, work)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Applies an object and waits for it; in a preview, asks the server for a dry run."""
        inputs, ignored = to_python(request.news), list(request.ignoreChanges)

        def work() -> Any:
            if request.preview:
                if not has_unknown(inputs):
                    self._objects().apply(inputs, dry_run=True, ignored=ignored)
                return provider_pb2.UpdateResponse(properties=to_struct(inputs))
            try:
                live = self._objects().apply(inputs, dry_run=False, ignored=ignored)
            except RefusedError as error:
                # The state takes the new inputs all the same, beside the live object and the refusal.
                there = self._objects().read(inputs)
                if there is None:
                    raise
                raise NotReadyError(k8s.identity(inputs["metadata"]), there, inputs, [str(error)]) from None
            live = self._ready(request, inputs) or live
            return provider_pb2.UpdateResponse(properties=state(live))

        return self._answered(context, work)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Deletes an object and waits until it is gone."""
        manifest = to_python(request.old_inputs) or to_python(request.properties)

        def work() -> Any:
            if self._objects().delete(manifest):
                timeout_seconds = request.timeout or DEFAULT_TIMEOUT_SECONDS
                until_gone(self._objects(), manifest, timeout_seconds, self.cancelled)
            return empty_pb2.Empty()

        return self._answered(context, work)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Reads an object for a refresh or an import.

        Inputs change only where the object really differs: a dry run of the old inputs tells, since
        the server writes many values in another form than they were given (`1000m` and `1`).
        """
        inputs = to_python(request.inputs)

        def work() -> Any:
            live = self._objects().read(inputs or described(request))
            if live is None:
                return provider_pb2.ReadResponse()
            if inputs:
                applied = self._objects().apply(inputs, dry_run=True, force=True)
                same = substance(applied) == substance(live)
                kept = inputs if same else pruned(live, inputs)
            else:
                kept = substance(live)
            return provider_pb2.ReadResponse(id=request.id, properties=state(live), inputs=to_struct(kept))

        return self._answered(context, work)

    def _ready(self, request: Any, inputs: dict[str, Any]) -> dict[str, Any] | None:
        given = k8s.annotation(inputs, k8s.TIMEOUT_ANNOTATION)
        timeout_seconds = request.timeout or float(given or DEFAULT_TIMEOUT_SECONDS)
        return until_ready(
            self._objects(),
            inputs,
            timeout_seconds,
            self.cancelled,
            lambda line: self.progress(request.urn, line),
        )

    def _dry_run(self, inputs: dict[str, Any], attempt: Callable[[k8s.Objects], Any]) -> None:
        """Lets the server judge a creation; what depends on things that do not exist yet cannot be judged."""
        if has_unknown(inputs):
            return
        namespace = inputs["metadata"].get("namespace")
        objects = self._objects()
        if namespace and objects.read(_namespace(namespace)) is None:
            return
        attempt(objects)

    def _answered(self, context: Any, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Unreachable as error:
            refuse(context, RefusedError(f"configured Kubernetes cluster is unreachable: {error}"))
        except (ApiError, RefusedError) as error:
            refuse(context, error)
        return None


def _collides(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a replacement could not stand beside the object that it replaces."""
    if has_unknown(new.get("metadata")) or k8s.annotation(new, k8s.AUTONAMED_ANNOTATION) == "true":
        return False
    return all(old["metadata"].get(part) == new["metadata"].get(part) for part in ("name", "namespace"))


def _renamed(inputs: dict[str, Any]) -> dict[str, Any]:
    return {**inputs, "metadata": {**inputs["metadata"], "name": f"preview-{secrets.token_hex(4)}"}}


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}

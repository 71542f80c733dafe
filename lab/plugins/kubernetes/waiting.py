"""Waiting for what was written: Deployments until their pods are ready, deletions until they are done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lab.plugins.host import NotReadyError, RefusedError
from lab.plugins.kubernetes.objects import SKIP_AWAIT_ANNOTATION, annotation, identity, title
from lab.plugins.kubernetes.watching import WATCHED

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from lab.plugins.kubernetes.objects import Objects

POLL_SECONDS = 0.3
NO_LIVE_PODS = "Minimum number of live Pods was not attained"
"""All that the official plugin says of a Deployment's pods: none by name, and no reason."""
REVISION = "deployment.kubernetes.io/revision"


def until_ready(
    objects: Objects,
    manifest: dict[str, Any],
    timeout_seconds: float,
    cancelled: Event,
    progress: Callable[[str], None],
) -> dict[str, Any] | None:
    """Waits until an object is usable.

    Args:
        objects: The cluster.
        manifest: The object's inputs.
        timeout_seconds: How long.
        cancelled: Ends the wait.
        progress: Takes what is waited for, in words, when that changes.

    Returns:
        The live object; None for kinds that nobody waits for.

    Raises:
        NotReadyError: At the timeout or when the Deployment gives up, without the pods' own reasons; also
            where a right to watch is missing: the object was written.
    """
    looks = {"Deployment": _deployment, "Service": _service}.get(manifest["kind"])
    if looks is None or annotation(manifest, SKIP_AWAIT_ANNOTATION) == "true":
        return None
    namespace = manifest["metadata"].get("namespace", "default")
    try:
        objects.watching.subscribe(title(manifest), namespace, WATCHED[manifest["kind"]])
    except RefusedError as error:
        written = objects.read(manifest) or manifest
        raise NotReadyError(identity(manifest["metadata"]), written, manifest, [str(error)]) from None
    deadline, told = time.monotonic() + timeout_seconds, ""
    while True:
        live = objects.read(manifest)
        if live is None:
            raise RefusedError(f"{title(manifest)} vanished while it was waited for")
        lacking, hopeless = looks(objects, live)
        if not lacking:
            return live
        if hopeless or cancelled.is_set() or time.monotonic() > deadline:
            late = "the update was cancelled" if cancelled.is_set() else "timed out waiting to be Ready"
            reasons = [f"{title(manifest)}: {lacking if hopeless else late}"]
            if manifest["kind"] == "Deployment":
                reasons.append(NO_LIVE_PODS)
            elif not hopeless:
                reasons.append(lacking)
            raise NotReadyError(identity(manifest["metadata"]), live, manifest, reasons)
        if lacking != told:
            told = lacking
            progress(lacking)
        time.sleep(POLL_SECONDS)


def _deployment(objects: Objects, live: dict[str, Any]) -> tuple[str, bool]:
    """What a Deployment lacks, and whether it has given up.

    It is ready when the pods of its newest revision are: pods of an older one do not count.
    """
    spec, status, meta = live["spec"], live.get("status", {}), live["metadata"]
    wanted = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < meta["generation"]:
        return "waiting for the Deployment controller", False
    ready = (_newest(objects, live) or {}).get("status", {}).get("readyReplicas", 0)
    for condition in status.get("conditions", ()):
        if condition["type"] == "Progressing" and condition["status"] == "False" and ready < wanted:
            return f"[{condition['reason']}] {condition['message']}", True
    if ready < wanted or status.get("availableReplicas", 0) < wanted:
        return f"waiting for pods of the new revision ({ready}/{wanted} ready)", False
    return "", False


def _newest(objects: Objects, live: dict[str, Any]) -> dict[str, Any] | None:
    meta = live["metadata"]
    revision = meta.get("annotations", {}).get(REVISION)
    sets = _selected(objects, live, "apps/v1", "ReplicaSet")
    own = (one for one in sets if _owned_by(one, meta["uid"]))
    return next(
        (one for one in own if one["metadata"].get("annotations", {}).get(REVISION) == revision), None
    )


def _service(objects: Objects, live: dict[str, Any]) -> tuple[str, bool]:
    """A Service with a selector is usable once it has an endpoint."""
    spec, meta = live["spec"], live["metadata"]
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return "", False
    path = objects.api.path("v1", "Endpoints", meta["namespace"])
    query = {"fieldSelector": f"metadata.name={meta['name']}"}
    found = objects.api.request("GET", path, query=query)["items"]
    ready = any(subset.get("addresses") for one in found for subset in one.get("subsets") or ())
    return ("" if ready else "waiting for a ready pod that the selector matches"), False


def _selected(objects: Objects, live: dict[str, Any], api_version: str, kind: str) -> list[dict[str, Any]]:
    labels = live["spec"]["selector"]["matchLabels"]
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
    path = objects.api.path(api_version, kind, live["metadata"]["namespace"])
    found: list[dict[str, Any]] = objects.api.request("GET", path, query=query)["items"]
    return found


def _owned_by(thing: dict[str, Any], uid: str) -> bool:
    return any(owner["uid"] == uid for owner in thing["metadata"].get("ownerReferences", ()))


def until_gone(objects: Objects, manifest: dict[str, Any], timeout_seconds: float, cancelled: Event) -> None:
    """Waits until an object is deleted.

    Raises:
        RefusedError: At the timeout, or where a right to watch is missing.
    """
    namespace = manifest["metadata"].get("namespace", "")
    objects.watching.subscribe(title(manifest), namespace, ((manifest["apiVersion"], manifest["kind"]),))
    deadline = time.monotonic() + timeout_seconds
    while (live := objects.read(manifest)) is not None:
        if cancelled.is_set() or time.monotonic() > deadline:
            holders = ", ".join(live["metadata"].get("finalizers", ())) or "its dependents"
            raise RefusedError(
                f"{title(manifest)} is still there after {timeout_seconds:g} s, held by {holders}"
            )
        time.sleep(POLL_SECONDS)

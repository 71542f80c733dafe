"""Writing objects as the official plugin does: created by POST, then owned by server-side apply."""

from __future__ import annotations

import copy
import os
import re
from typing import TYPE_CHECKING, Any

from lab.api import APPLY, JSON_PATCH, Api, ApiError
from lab.plugins.host import RefusedError
from lab.plugins.kubernetes.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Iterable

CREATOR = "pulumi-kubernetes"
"""The field manager of creations."""

AUTONAMED_ANNOTATION = "pulumi.com/autonamed"
MANAGER_ANNOTATION = "pulumi.com/patchFieldManager"
FORCE_ANNOTATION = "pulumi.com/patchForce"
FORCE_VARIABLE = "PULUMI_K8S_ENABLE_PATCH_FORCE"
"""The official plugin's variable for where the annotation is missing."""

PROPAGATION_ANNOTATION = "pulumi.com/deletionPropagationPolicy"
SKIP_AWAIT_ANNOTATION = "pulumi.com/skipAwait"
TIMEOUT_ANNOTATION = "pulumi.com/timeoutSeconds"
NOT_FOUND = 404
CONFLICT = 409


def annotation(manifest: dict[str, Any], name: str) -> str | None:
    """An annotation of an object."""
    found = (manifest["metadata"].get("annotations") or {}).get(name)
    return None if found is None else str(found)


def manager(manifest: dict[str, Any]) -> str:
    """The field manager of an object's updates."""
    return annotation(manifest, MANAGER_ANNOTATION) or f"{CREATOR}-{manifest['metadata']['name']}"


def title(manifest: dict[str, Any]) -> str:
    """How errors name an object."""
    meta = manifest["metadata"]
    return f"{manifest['kind']} {identity(meta)}"


def identity(meta: dict[str, Any]) -> str:
    """The id of an object: `namespace/name`, or its name alone."""
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else str(meta["name"])


def in_words(manifest: dict[str, Any], error: ApiError) -> RefusedError:
    """The server's refusal, with object, field and the way on."""
    text = f"{title(manifest)}: {error.message}"
    if error.reason == "Conflict" and error.causes:
        fields = ", ".join(f"{field} ({message})" for field, message in error.causes)
        text = f"{title(manifest)}: fields belong to another manager: {fields}"
        text += f"; set {FORCE_ANNOTATION} or {FORCE_VARIABLE} to take them"
    return RefusedError(text)


class Objects:
    """The objects of one cluster."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.watching = Watching(api)

    def path(self, manifest: dict[str, Any]) -> str:
        """The path of an object."""
        meta = manifest["metadata"]
        return self.api.path(manifest["apiVersion"], manifest["kind"], meta.get("namespace"), meta["name"])

    def read(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """The live object; None if there is none."""
        try:
            live: dict[str, Any] = self.api.request("GET", self.path(manifest))
        except ApiError as error:
            if error.code == NOT_FOUND:
                return None
            raise in_words(manifest, error) from None
        return live

    def create(self, manifest: dict[str, Any], *, dry_run: bool, upsert: bool) -> dict[str, Any]:
        """Creates an object; one that exists is taken over with `upsert`, and refused without."""
        collection = self.path(manifest).rsplit("/", 1)[0]
        query = {"fieldManager": CREATOR, "fieldValidation": "Warn", **_dry(dry_run)}
        try:
            created: dict[str, Any] = self.api.request("POST", collection, manifest, query)
        except ApiError as error:
            if error.code == CONFLICT and error.reason == "AlreadyExists" and upsert:
                return self.apply(manifest, dry_run=dry_run, force=True)
            raise in_words(manifest, error) from None
        return created

    def apply(
        self, manifest: dict[str, Any], *, dry_run: bool, force: bool = False, ignored: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Applies an object under its one field manager."""
        owner = manager(manifest)
        live = self.read(manifest)
        if live is not None and not dry_run:
            self._take_over_creation(manifest, live, owner)
        force = force or (annotation(manifest, FORCE_ANNOTATION) or os.environ.get(FORCE_VARIABLE)) == "true"
        # A dry run must not change owners, so the creator's fields are taken by force there.
        force = force or (dry_run and any(entry["manager"] == CREATOR for entry in _entries(live)))
        query = {
            "fieldManager": owner,
            "force": str(force).lower(),
            "fieldValidation": "Warn",
            **_dry(dry_run),
        }
        body = _without_ignored(manifest, live, owner, ignored)
        try:
            applied: dict[str, Any] = self.api.request("PATCH", self.path(manifest), body, query, APPLY)
        except ApiError as error:
            raise in_words(manifest, error) from None
        return applied

    def _take_over_creation(self, manifest: dict[str, Any], live: dict[str, Any], owner: str) -> None:
        """Makes the creator's fields the manager's own, so that it can also remove them."""
        entries = _entries(live)
        if not any(_is_creation(entry) for entry in entries):
            return
        if any(entry["manager"] == owner and entry["operation"] == "Apply" for entry in entries):
            renamed = [entry for entry in entries if not _is_creation(entry)]
        else:
            renamed = [
                {**entry, "manager": owner, "operation": "Apply"} if _is_creation(entry) else entry
                for entry in entries
            ]
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": renamed},
            {
                "op": "replace",
                "path": "/metadata/resourceVersion",
                "value": live["metadata"]["resourceVersion"],
            },
        ]
        try:
            self.api.request("PATCH", self.path(manifest), patch, None, JSON_PATCH)
        except ApiError as error:
            if error.code != CONFLICT:
                raise in_words(manifest, error) from None
            fresh = self.read(manifest)
            if fresh is not None:
                self._take_over_creation(manifest, fresh, owner)

    def delete(self, manifest: dict[str, Any]) -> bool:
        """Asks for an object's deletion, dependents first unless it says otherwise; False if there is none."""
        policy = (annotation(manifest, PROPAGATION_ANNOTATION) or "foreground").capitalize()
        try:
            self.api.request("DELETE", self.path(manifest), {"propagationPolicy": policy})
        except ApiError as error:
            if error.code == NOT_FOUND:
                return False
            raise in_words(manifest, error) from None
        return True


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _entries(live: dict[str, Any] | None) -> list[dict[str, Any]]:
    return list((live or {"metadata": {}})["metadata"].get("managedFields") or [])


def _is_creation(entry: dict[str, Any]) -> bool:
    return entry["manager"] == CREATOR and entry["operation"] == "Update" and not entry.get("subresource")


def _without_ignored(
    manifest: dict[str, Any], live: dict[str, Any] | None, owner: str, ignored: Iterable[str]
) -> dict[str, Any]:
    """Leaves out the ignored fields that somebody else owns, and keeps the live value of the others."""
    body = copy.deepcopy(manifest)
    for path in ignored:
        *parents, last = re.split(r"\.", path)
        place, current = body, live or {}
        owned: Any = [entry.get("fieldsV1", {}) for entry in _entries(live) if entry["manager"] != owner]
        for parent in parents:
            place, current = place.get(parent, {}), current.get(parent, {})
            owned = [fields.get(f"f:{parent}", {}) for fields in owned]
        if any(f"f:{last}" in fields for fields in owned):
            place.pop(last, None)
        elif last in current:
            place[last] = current[last]
    return body

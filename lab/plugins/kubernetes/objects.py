"""Writing objects as the official plugin does: created by POST or applied, then owned by server-side apply."""

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

BY_HAND = "kubectl"
"""How the names of the managers begin that an update takes over, whether they applied or changed in place."""

BEFORE_APPLY = "before-first-apply"
"""The server's name for who owned fields before it kept track."""

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

    def __init__(self, api: Api, *, patch_force: bool = False) -> None:
        self.api, self._patch_force = api, patch_force
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
        """Creates an object; one that exists is refused, but with `upsert` applied under its manager.

        An apply that creates forces only in a preview, so that one goes through where the update conflicts.
        """
        if upsert:
            return self._apply(manifest, manifest, dry_run=dry_run, force=dry_run or self._forces(manifest))
        collection = self.path(manifest).rsplit("/", 1)[0]
        query = {"fieldManager": CREATOR, "fieldValidation": "Warn", **_dry(dry_run)}
        try:
            created: dict[str, Any] = self.api.request("POST", collection, manifest, query)
        except ApiError as error:
            raise in_words(manifest, error) from None
        return created

    def apply(
        self, manifest: dict[str, Any], *, dry_run: bool, force: bool = False, ignored: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Applies an object that exists under its one field manager, which first takes others over.

        Raises:
            RefusedError: If the server refuses it, or there is no such object: an update makes nothing anew.
        """
        owner = manager(manifest)
        live = self._existing(manifest)
        if not dry_run:
            live = self._take_over(manifest, live, owner)
        # A dry run must not change owners, so the creator's fields are taken by force there; those of `kubectl`
        # are not, so that a preview may conflict where the update does not.
        created = any(
            entry["manager"] == CREATOR and entry["operation"] == "Update" for entry in _entries(live)
        )
        force = force or self._forces(manifest) or (dry_run and created)
        return self._apply(
            manifest, _without_ignored(manifest, live, owner, ignored), dry_run=dry_run, force=force
        )

    def _existing(self, manifest: dict[str, Any]) -> dict[str, Any]:
        try:
            live: dict[str, Any] = self.api.request("GET", self.path(manifest))
        except ApiError as error:
            raise RefusedError(
                f"update of resource {identity(manifest['metadata'])} failed because the Kubernetes API server "
                f"reported that it failed to fully initialize or become live: {error.message}"
            ) from None
        return live

    def _forces(self, manifest: dict[str, Any]) -> bool:
        return (
            self._patch_force
            or (annotation(manifest, FORCE_ANNOTATION) or os.environ.get(FORCE_VARIABLE)) == "true"
        )

    def _apply(
        self, manifest: dict[str, Any], body: dict[str, Any], *, dry_run: bool, force: bool
    ) -> dict[str, Any]:
        query = {
            "fieldManager": manager(manifest),
            "force": str(force).lower(),
            "fieldValidation": "Warn",
            **_dry(dry_run),
        }
        try:
            applied: dict[str, Any] = self.api.request("PATCH", self.path(manifest), body, query, APPLY)
        except ApiError as error:
            raise in_words(manifest, error) from None
        return applied

    def _take_over(self, manifest: dict[str, Any], live: dict[str, Any], owner: str) -> dict[str, Any]:
        """Makes the fields of the creator and of `kubectl` the manager's own, so that it can also remove them.

        Returns:
            The live object afterwards.
        """
        entries = _entries(live)
        taken = [entry for entry in entries if _is_taken_over(entry)]
        if not taken:
            return live
        mine = [entry for entry in entries if entry["manager"] == owner and entry["operation"] == "Apply"]
        fields: dict[str, Any] = {}
        for entry in (*mine, *taken):
            fields = _merged(fields, entry.get("fieldsV1", {}))
        own = {**(mine or taken)[0], "manager": owner, "operation": "Apply", "fieldsV1": fields}
        left = [entry for entry in entries if entry not in mine and entry not in taken]
        version = live["metadata"]["resourceVersion"]
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": [own, *left]},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ]
        try:
            now: dict[str, Any] = self.api.request("PATCH", self.path(manifest), patch, None, JSON_PATCH)
        except ApiError as error:
            if error.code != CONFLICT:
                raise in_words(manifest, error) from None
            fresh = self.read(manifest)
            return live if fresh is None else self._take_over(manifest, fresh, owner)
        return now

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


def _is_taken_over(entry: dict[str, Any]) -> bool:
    """Whether an update takes a manager's fields over; those of a subresource stay with who has them."""
    name, operation = entry["manager"], entry["operation"]
    if entry.get("subresource"):
        return False
    if operation == "Update" and name.startswith((CREATOR, BEFORE_APPLY)):
        return True
    return bool(name.startswith(BY_HAND))


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The union of two sets of fields as `managedFields` writes them."""
    return one | {key: _merged(one.get(key, {}), value) for key, value in other.items()}


def _without_ignored(
    manifest: dict[str, Any], live: dict[str, Any] | None, owner: str, ignored: Iterable[str]
) -> dict[str, Any]:
    """Leaves out the ignored fields that others own and the manager does not; keeps the live value of the rest.

    A field that both own is named once more: left out, the manager would give it up.
    """
    body = copy.deepcopy(manifest)
    for path in ignored:
        *parents, last = re.split(r"\.", path)
        place, current = body, live or {}
        owned = [(entry["manager"] == owner, entry.get("fieldsV1", {})) for entry in _entries(live)]
        for parent in parents:
            place, current = place.get(parent, {}), current.get(parent, {})
            owned = [(ours, fields.get(f"f:{parent}", {})) for ours, fields in owned]
        owners = {ours for ours, fields in owned if f"f:{last}" in fields}
        if owners == {False}:
            place.pop(last, None)
        elif last in current:
            place[last] = current[last]
    return body

"""A thin client of the Kubernetes API.

The lab's stand-ins start often and must start fast, and they send server-side applies and
dry runs of any kind of object; the official client takes most of a second to import.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
PATIENCE_SECONDS = 5.0
"""How long a server that refuses connections is tried again: a restart takes about two."""


class Unreachable(Exception):  # noqa: N818  # reads as what it says
    """Nothing answers at the server's address."""


@dataclass
class ApiError(Exception):
    """The API server's own refusal.

    Attributes:
        code: The HTTP status.
        reason: Kubernetes' word for it (`NotFound`, `Conflict`, ...).
        message: Its message, with object and field.
        causes: Field and message of each cause.
    """

    code: int
    reason: str
    message: str
    causes: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        """The server's message; it names object, field and reason."""
        return self.message


@dataclass(frozen=True)
class Connection:
    """How to reach an API server.

    Attributes:
        server: Its URL.
        token: A bearer token, if it wants one.
        ca_file: The certificate authority to trust.
    """

    server: str
    token: str | None
    ca_file: str | None


def connection(kubeconfig: Path, context: str) -> Connection:
    """Reads a context of a kubeconfig.

    Raises:
        LookupError: In words, if there is no such context.
    """
    config = yaml.safe_load(kubeconfig.read_text("utf-8")) or {}
    by_name = {
        section: {entry["name"]: entry[section[:-1]] for entry in config.get(section) or []}
        for section in ("contexts", "clusters", "users")
    }
    if context not in by_name["contexts"]:
        known = ", ".join(sorted(by_name["contexts"])) or "none"
        raise LookupError(f"context {context!r} does not exist in {kubeconfig} (contexts: {known})")
    chosen = by_name["contexts"][context]
    cluster, user = by_name["clusters"][chosen["cluster"]], by_name["users"][chosen["user"]]
    return Connection(cluster["server"], user.get("token"), cluster.get("certificate-authority"))


class Api:
    """One API server."""

    def __init__(self, to: Connection) -> None:
        """Prepares a pool of connections; nothing is sent yet."""
        self._to = to
        self._pool = urllib3.PoolManager(
            maxsize=64, ca_certs=to.ca_file, retries=False, timeout=urllib3.Timeout(connect=3, read=60)
        )
        self._kinds = cache(self._discover)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Sends a request and decodes the answer.

        A server that is busy or just starting is asked again for a few seconds.

        Raises:
            ApiError: If the server refuses.
            Unreachable: If nothing answers.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._once(method, path, body, query, content_type)
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
            except ApiError as error:
                if error.code not in (429, 500, 503, 504) or time.monotonic() > deadline:
                    raise
            time.sleep(0.3)

    def _once(
        self, method: str, path: str, body: Any, query: Mapping[str, str] | None, content_type: str
    ) -> Any:
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self._to.token:
            headers["Authorization"] = f"Bearer {self._to.token}"
        url = f"{self._to.server}{path}"
        if query:
            url += "?" + urlencode(query)
        try:
            answer = self._pool.request(
                method, url, body=None if body is None else json.dumps(body), headers=headers
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"{self._to.server}: {_in_words(error)}") from error
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        decoded = json.loads(answer.data) if is_json else answer.data.decode()
        if answer.status >= 400:  # noqa: PLR2004  # HTTP's border between answers and refusals
            raise _refusal(answer.status, decoded)
        return decoded

    def apply(self, document: Mapping[str, Any], manager: str) -> None:
        """Applies an object whole under a field manager, whoever else owned its fields.

        Raises:
            ApiError: If the server refuses.
            Unreachable: If nothing answers.
        """
        meta = document["metadata"]
        path = self.path(document["apiVersion"], document["kind"], meta.get("namespace"), meta["name"])
        self.request("PATCH", path, document, {"fieldManager": manager, "force": "true"}, APPLY)

    def path(self, api_version: str, kind: str, namespace: str | None = None, name: str | None = None) -> str:
        """The path of an object, or of all of a kind.

        Raises:
            ApiError: If the server knows no such kind.
            Unreachable: If nothing answers.
        """
        plural, namespaced = self.kind(api_version, kind)
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        place = f"/namespaces/{namespace or 'default'}" if namespaced and (namespace or name) else ""
        return f"{root}{place}/{plural}" + (f"/{name}" if name else "")

    def kind(self, api_version: str, kind: str) -> tuple[str, bool]:
        """The plural of a kind, and whether its objects live in namespaces."""
        kinds: dict[str, tuple[str, bool]] = self._kinds(api_version)
        if kind not in kinds:
            raise ApiError(404, "NoMatch", _no_match(api_version, kind))
        return kinds[kind]

    def _discover(self, api_version: str) -> dict[str, tuple[str, bool]]:
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        try:
            resources = self.request("GET", root)["resources"]
        except ApiError as error:
            if error.code == 404:  # noqa: PLR2004
                raise ApiError(404, "NoMatch", _no_match(api_version, "any kind")) from None
            raise
        return {one["kind"]: (one["name"], one["namespaced"]) for one in resources if "/" not in one["name"]}


def _no_match(api_version: str, kind: str) -> str:
    return f"the cluster knows no {kind} in {api_version}; is its CustomResourceDefinition installed?"


def _refusal(status: int, decoded: Any) -> ApiError:
    if not isinstance(decoded, dict):
        return ApiError(status, "", str(decoded).strip() or f"HTTP {status}")
    causes = (decoded.get("details") or {}).get("causes") or []
    named = [(cause.get("field", ""), cause.get("message", "")) for cause in causes]
    return ApiError(status, decoded.get("reason", ""), decoded.get("message", f"HTTP {status}"), named)


def _in_words(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    text = str(reason)
    return text.rsplit(": ", 1)[-1] if "refused" in text else text

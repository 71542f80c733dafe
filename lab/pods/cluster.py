"""The API server as a kubelet sees it: pods come, change and go."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp

from lab.api import APPLY

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.api import Connection

RETRY_SECONDS = 0.3
OVERTAKEN = (404, 409, 422)
"""Answers to a write that came too late: the pod is gone, or another one has its name."""
MERGE = "application/merge-patch+json"
MANAGER = "lab"


class Pods:
    """Lists, follows and changes pods."""

    def __init__(self, to: Connection) -> None:
        """Prepares; nothing is asked yet."""
        self._server, self._headers = to.server, {"Authorization": f"Bearer {to.token}"}
        self._ssl = ssl.create_default_context(cafile=to.ca_file)
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._ssl, limit=64)
            self._session = aiohttp.ClientSession(
                self._server, headers=self._headers, connector=connector, raise_for_status=True
            )
        return self._session

    async def follow(self, see: Callable[[dict[str, Any]], None], gone: Callable[[str], None]) -> None:
        """Tells of every pod and its changes, for ever; an API server that is away is waited for.

        Args:
            see: Takes a pod, once at least for every version that lasts.
            gone: Takes the uid of a pod that is no more.
        """
        known: set[str] = set()
        while True:
            try:
                async with self._open().get("/api/v1/pods") as answer:
                    listed = await answer.json()
                now = {pod["metadata"]["uid"] for pod in listed["items"]}
                for uid in known - now:
                    gone(uid)
                known = now
                for pod in listed["items"]:
                    see(pod)
                await self._watch(listed["metadata"]["resourceVersion"], known, see, gone)
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                print(f"will ask again: {error!r}", flush=True)
                await asyncio.sleep(RETRY_SECONDS)

    async def _watch(
        self,
        version: str,
        known: set[str],
        see: Callable[[dict[str, Any]], None],
        gone: Callable[[str], None],
    ) -> None:
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        patience = aiohttp.ClientTimeout(total=None, sock_read=None)
        async with self._open().get(
            "/api/v1/pods", params=query, timeout=patience, read_bufsize=2**22
        ) as answer:
            async for line in answer.content:
                event = json.loads(line)
                pod = event["object"]
                if event["type"] == "ERROR":
                    return
                if event["type"] == "DELETED":
                    known.discard(pod["metadata"]["uid"])
                    gone(pod["metadata"]["uid"])
                elif event["type"] != "BOOKMARK":
                    known.add(pod["metadata"]["uid"])
                    see(pod)

    async def patch_status(self, pod: dict[str, Any], status: dict[str, Any]) -> None:
        """Writes a pod's status; one that is gone meanwhile is left alone."""
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        await self._insist("PATCH", f"{_path(pod)}/status", body, MERGE)

    async def apply(self, root: str, thing: dict[str, Any]) -> None:
        """Applies an object that has a pod's name under another API group.

        Args:
            root: The group's path: `/apis/GROUP/VERSION`.
            thing: The object, whole.
        """
        path = f"{_path(thing, root)}?fieldManager={MANAGER}&force=true"
        await self._insist("PATCH", path, thing, APPLY)

    async def remove(self, pod: dict[str, Any]) -> None:
        """Ends the pod object, as the kubelet does once the containers have ended."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        await self._insist("DELETE", _path(pod), options, "application/json")

    async def _insist(self, method: str, path: str, body: dict[str, Any], content_type: str) -> None:
        while True:
            try:
                headers = {"Content-Type": content_type}
                async with self._open().request(method, path, data=json.dumps(body), headers=headers):
                    return
            except aiohttp.ClientResponseError as error:
                if error.status in OVERTAKEN:
                    return
                print(f"will try again: {method} {path}: {error.status} {error.message}", flush=True)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                print(f"will try again: {method} {path}: {error!r}", flush=True)
            await asyncio.sleep(RETRY_SECONDS)


def _path(pod: dict[str, Any], root: str = "/api/v1") -> str:
    meta = pod["metadata"]
    return f"{root}/namespaces/{meta['namespace']}/pods/{meta['name']}"

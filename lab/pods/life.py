"""The life of one pod, from the kubelet's first look to the end of its process."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.pods.application import Application
from lab.pods.requests import labels_of

if TYPE_CHECKING:
    from lab.pods.behaviour import Behaviours
    from lab.pods.cluster import Pods
    from lab.pods.requests import Requests

DEFAULT_GRACE_SECONDS = 30
CRASH_SECONDS = 2.0
"""How long a process runs that is told to crash."""
MOST_BACKOFF_SECONDS = 5
"""A second more before each restart, up to this; the kubelet waits 10 s, 20 s and so on, up to 5 minutes."""


class Life:
    """Keeps a pod's object and its process in step."""

    def __init__(
        self,
        pods: Pods,
        pod: dict[str, Any],
        address: str,
        behaviours: Behaviours,
        requests: Requests,
        *,
        on_network: bool,
    ) -> None:
        """Prepares; `start` begins it.

        Args:
            pods: The API server.
            pod: The object.
            address: The pod's address.
            behaviours: How images behave.
            requests: Counts what it answers.
            on_network: Whether the pod's address is this machine's, so that it can listen there.
        """
        self._pods, self.pod, self.address, self._on_network = pods, pod, address, on_network
        meta, spec = pod["metadata"], pod["spec"]
        labels, container = meta.get("labels", {}), spec["containers"][0]
        self.image: str = container["image"]
        self.service: str = labels.get("app", meta["name"])
        who = {
            "service": self.service,
            "version": labels.get("version", ""),
            "image": self.image,
            "pod": meta["name"],
        }
        ports = {port["containerPort"]: port.get("name", "") for port in container.get("ports", ())}
        self._behaviour = partial(behaviours.of, self.image, time.monotonic())
        counted = partial(requests.counted, labels_of(pod))
        self._application = Application(address, ports, who, self._behaviour, counted)
        self._changed, self._crashes = asyncio.Event(), 0
        self._started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._task: asyncio.Task[None] | None = None
        self._last: list[asyncio.Task[None]] = []
        self._corrections: set[asyncio.Task[None]] = set()
        self.ending = False
        self.ready_since: float | None = None
        """The event loop's time when it became ready; None while it is not."""

    @property
    def usage(self) -> dict[str, str]:
        """What it uses: quantities by resource."""
        behaviour = self._behaviour()
        return {"cpu": behaviour.cpu, "memory": behaviour.memory}

    def start(self) -> None:
        """Starts the containers."""
        self._task = asyncio.create_task(self._live())

    def look_again(self) -> None:
        """Takes note that the image behaves otherwise now."""
        self._changed.set()

    def correct(self, pod: dict[str, Any]) -> None:
        """Tells again that it is ready, where another hand has said otherwise.

        The controller of nodes does, when the API server was away and heartbeats with it; a kubelet corrects that.
        """
        conditions = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions", ())}
        silent = self.ending or self._behaviour().lost
        if self.ready_since is not None and not silent and conditions.get("Ready") == "False":
            self._corrections.add(task := asyncio.create_task(self._tell(ready=True)))
            task.add_done_callback(self._corrections.discard)

    def end(self, pod: dict[str, Any]) -> None:
        """Ends it as the kubelet does: preStop, SIGTERM, the rest of the grace period, SIGKILL."""
        if not self.ending:
            self.ending = True
            self._last.append(asyncio.create_task(self._end(pod)))

    def cut(self) -> None:
        """Ends the process at once: its pod is gone."""
        self.ending = True
        self._last.append(asyncio.create_task(self._cut()))

    async def _live(self) -> None:
        while True:
            await self._tell(ready=False)
            await asyncio.sleep(self._behaviour().start_seconds + min(self._crashes, MOST_BACKOFF_SECONDS))
            if self._on_network:
                await self._application.listen()
            await self._until_it_crashes()
            self.ready_since = None
            await self._application.drain(0)
            self._application, self._crashes = self._application.anew(), self._crashes + 1

    async def _until_it_crashes(self) -> None:
        told = False
        while True:
            self._changed.clear()
            behaviour = self._behaviour()
            if self._on_network:
                await self._application.be_silent(silent=behaviour.lost)
            if behaviour.ready != told and not behaviour.lost:
                told, self.ready_since = behaviour.ready, None
                await self._tell(ready=told)
                self.ready_since = asyncio.get_running_loop().time() if told else None
            try:
                await asyncio.wait_for(self._changed.wait(), CRASH_SECONDS if behaviour.crash else None)
            except TimeoutError:
                return

    async def _stop_living(self) -> None:
        self.ready_since = None
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await self._task

    async def _end(self, pod: dict[str, Any]) -> None:
        spec = pod["spec"]
        grace = pod["metadata"].get("deletionGracePeriodSeconds")
        grace = DEFAULT_GRACE_SECONDS if grace is None else grace
        hook = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        pause = min(hook.get("seconds", 0), grace)
        await asyncio.sleep(pause)
        await self._stop_living()
        await self._application.drain(grace - pause)
        await self._pods.remove(pod)

    async def _cut(self) -> None:
        await self._stop_living()
        await self._application.drain(0)

    async def _tell(self, *, ready: bool) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        states = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        unready = {"reason": "ContainersNotReady", "message": "the readiness probe has not succeeded"}
        container = self.pod["spec"]["containers"][0]
        await self._pods.patch_status(
            self.pod,
            {
                "phase": "Running",
                "podIP": self.address,
                "podIPs": [{"ip": self.address}],
                "startTime": self._started,
                "conditions": [
                    {
                        "type": kind,
                        "status": str(state),
                        "lastTransitionTime": now,
                        **({} if state else unready),
                    }
                    for kind, state in states.items()
                ],
                "containerStatuses": [
                    {
                        "name": container["name"],
                        "image": self.image,
                        "imageID": "",
                        "ready": ready,
                        "started": True,
                        "restartCount": self._crashes,
                        "state": {"running": {"startedAt": self._started}},
                    }
                ],
            },
        )

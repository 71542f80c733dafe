"""`python -m lab.pods.kubelet KUBECONFIG RANGE SOCKET [--listen]`: all kubelets in one process.

kwok keeps the nodes; this keeps the pods, since a pod's state and its sockets must agree. Without
`--listen` pods come and go as ever, and nobody answers.
"""

from __future__ import annotations

import asyncio
import ipaddress
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import ValidationError

from lab.api import connection
from lab.parts import ADMIN_CONTEXT
from lab.pods.behaviour import Behaviour, Behaviours
from lab.pods.cluster import Pods
from lab.pods.life import Life
from lab.pods.requests import Requests
from lab.pods.usage import Usage

FIRST_ADDRESS = 16
"""Addresses below this offset stay free for what is no pod."""
ENDED = ("Succeeded", "Failed")


class Kubelet:
    """Starts and ends the processes of pods."""

    def __init__(self, pods: Pods, pod_range: str, *, on_network: bool) -> None:
        """Prepares; `follow` begins."""
        self.behaviours, self.requests = Behaviours(), Requests()
        self.lives: dict[str, Life] = {}
        self._pods, self._on_network = pods, on_network
        network = ipaddress.ip_network(pod_range)
        self._addresses = (
            str(network[offset]) for offset in range(FIRST_ADDRESS, network.num_addresses - 512)
        )

    def see(self, pod: dict[str, Any]) -> None:
        """Takes note of a pod's state."""
        meta, status = pod["metadata"], pod.get("status", {})
        if not pod["spec"].get("nodeName") or status.get("phase") in ENDED:
            return
        life = self.lives.get(meta["uid"])
        if life is None:
            # An address from before a restart of this process is kept.
            address = status.get("podIP") or self._free_address()
            life = Life(self._pods, pod, address, self.behaviours, self.requests, on_network=self._on_network)
            self.lives[meta["uid"]] = life
            if "deletionTimestamp" not in meta:
                life.start()
        if "deletionTimestamp" in meta:
            life.end(pod)
        else:
            life.correct(pod)

    def gone(self, uid: str) -> None:
        """Takes note that a pod's object is no more."""
        if life := self.lives.pop(uid, None):
            life.cut()

    async def follow(self) -> None:
        """Keeps all pods and tells what they use, for ever."""
        usage = Usage(self._pods, self.lives.values)
        await asyncio.gather(self._pods.follow(self.see, self.gone), usage.follow())

    def tell(self, part: str, behaviour: Behaviour) -> None:
        """Changes how images behave."""
        self.behaviours.tell(part, behaviour)
        self._look_again()

    def forget(self) -> None:
        """Lets all images behave well again."""
        self.behaviours.forget()
        self._look_again()

    def _look_again(self) -> None:
        for life in self.lives.values():
            life.look_again()

    def _free_address(self) -> str:
        taken = {life.address for life in self.lives.values()}
        return next(address for address in self._addresses if address not in taken)


async def serve_control(kubelet: Kubelet, socket: Path) -> None:
    """Takes orders on a unix socket: GET, PUT and DELETE of `/behaviour`.

    `/images` has those that run, `/metrics` what a Prometheus wants to know.
    """

    async def show(_request: web.Request) -> web.Response:
        told = kubelet.behaviours.told()
        return web.json_response({part: behaviour.model_dump() for part, behaviour in told.items()})

    async def images(_request: web.Request) -> web.Response:
        return web.json_response({life.image: life.service for life in kubelet.lives.values()})

    async def tell(request: web.Request) -> web.Response:
        asked = await request.json()
        try:
            kubelet.tell(asked["image"], Behaviour.model_validate(asked["behaviour"]))
        except ValidationError as error:
            return web.json_response({"error": str(error)}, status=422)
        return await show(request)

    async def forget(request: web.Request) -> web.Response:
        kubelet.forget()
        return await show(request)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=kubelet.requests.exposed(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4}
        )

    application = web.Application()
    application.add_routes(
        [
            web.get("/behaviour", show),
            web.put("/behaviour", tell),
            web.delete("/behaviour", forget),
            web.get("/images", images),
            web.get("/metrics", metrics),
        ]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    socket.unlink(missing_ok=True)  # noqa: ASYNC240  # once, before anything is served
    await web.UnixSite(runner, str(socket)).start()


async def run(kubeconfig: Path, pod_range: str, socket: Path, *, on_network: bool) -> None:
    """Keeps all pods, for ever."""
    kubelet = Kubelet(Pods(connection(kubeconfig, ADMIN_CONTEXT)), pod_range, on_network=on_network)
    await serve_control(kubelet, socket)
    await kubelet.follow()


def main() -> None:
    """Entry point."""
    kubeconfig, pod_range, socket, *listen = sys.argv[1:]
    asyncio.run(run(Path(kubeconfig), pod_range, Path(socket), on_network=listen == ["--listen"]))


if __name__ == "__main__":
    main()

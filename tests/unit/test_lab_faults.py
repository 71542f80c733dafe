"""Pods of the lab that crash again and again, and such that are silent as those of a lost node."""

from __future__ import annotations

import asyncio
import socket

import pytest

from lab.pods import life
from lab.pods.behaviour import Behaviour, Behaviours
from lab.pods.requests import Requests
from lab.pods.silence import Silence
from lab.ports import free_ports

POD = {
    "metadata": {"name": "a-1", "labels": {"app": "a"}},
    "spec": {"containers": [{"name": "a", "image": "a:1"}]},
}


class Pods:
    def __init__(self):
        self.told, self.enough = [], asyncio.Event()

    async def patch_status(self, _pod, status):
        (container,) = status["containerStatuses"]
        self.told.append((container["ready"], container["restartCount"]))
        if len(self.told) == 5:
            self.enough.set()


def test_a_process_that_crashes_is_unready_and_starts_again_each_time(monkeypatch):
    monkeypatch.setattr(life, "CRASH_SECONDS", 0.01)
    monkeypatch.setattr(life, "MOST_BACKOFF_SECONDS", 0)

    async def live():
        pods, behaviours = Pods(), Behaviours()
        behaviours.tell("a", Behaviour(start_seconds=0, crash=True))
        one = life.Life(pods, POD, "127.0.0.1", behaviours, Requests(), on_network=False)
        one.start()
        await asyncio.wait_for(pods.enough.wait(), 20)
        one.cut()
        return pods.told[:5]

    assert asyncio.run(live()) == [(False, 0), (True, 0), (False, 1), (True, 1), (False, 2)]


def test_a_silent_address_takes_no_connection_and_refuses_none():
    port = free_ports("silent")["silent"]
    silence = Silence("127.0.0.1", port)
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), timeout=0.3)
    silence.end()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=0.3)

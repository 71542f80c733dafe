"""Load on a lab while something happens to it."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tests.conftest import Lab

HOST = "api.dev.growbin.app"
"""The public host of the stack dev."""

PATHS = {
    "auth-api": "/api/v1/auth/me",
    "character-api": "/api/v1/character/list",
    "chat-api": "/api/v1/chat/messages",
    "image-api": "/api/v1/image/one",
    "location-api": "/api/v1/location/near",
    "my-api": "/api/v1/user/me",
    "scan-api": "/api/v1/scan/jobs",
    "sse-gateway": "/api/v1/stream",
}
"""A public path of every routed service."""

NAMESPACES = {name: name.removesuffix("-api") for name in PATHS} | {"sse-gateway": "sse-consumer"}
Z_999, Z_SURE = 3.2905, 4.8916
"""Standard deviations that hold 99.9 % of a normal distribution, and all but one in a million. A run of all tests
compares some sixty shares: at 99.9 % one run in twenty would fail by chance."""


def inside(service: str) -> str:
    """A service's own name inside the mesh."""
    return f"{service}.{NAMESPACES[service]}:8000"


def binomial_bounds(count: int, share: float, deviations: float = Z_SURE) -> tuple[float, float]:
    """The interval of shares in which such counts lie but by chance (normal approximation, half a count wide)."""
    width = deviations * math.sqrt(share * (1 - share) / count) + 0.5 / count
    return share - width, share + width


@dataclass
class Traffic:
    """Requests at a constant rate for as long as the context lasts; `told` has the counts afterwards."""

    lab: Lab
    host: str
    paths: tuple[str, ...]
    rate: float = 200
    options: tuple[str, ...] = ()
    told: dict[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [
            "traffic",
            *self.paths,
            f"--host={self.host}",
            f"--rate={self.rate}",
            "--json",
            *self.options,
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab", *command],
            env=self.lab.own_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr.readline() == "sending\n"
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        out, errors = self._process.communicate(timeout=60)
        assert out, errors
        self.told = json.loads(out)

    def assert_none_failed(self) -> None:
        assert self.told["sent"] > 0
        assert self.told["failed"] == 0, self.told["failures"]


def send_each(
    lab: Lab, hosts: list[str], paths: list[str], count: int, *options: str
) -> dict[str, dict[str, Any]]:
    """Sends requests to each path on each host, at least two of them, and returns the counts by host and path."""
    places = (*paths, *(f"--host={host}" for host in hosts))
    done = lab.command("traffic", *places, f"--count={count}", "--json", *options, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["targets"]


def send(lab: Lab, host: str, path: str, count: int, *options: str) -> dict[str, Any]:
    """Sends requests as fast as they go, and returns the counts."""
    done = lab.command("traffic", path, f"--host={host}", f"--count={count}", "--json", *options, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)

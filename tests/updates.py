"""An update that something happens to while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Lab, Stack

PATIENCE_SECONDS = 60.0


def until(true: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits for something to become true.

    Raises:
        AssertionError: If it does not in time.
    """
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


class Update:
    """`pulumi up` in the background, with all of its processes in a group of their own."""

    def __init__(self, stack: Stack, **variables: str) -> None:
        """Prepares; the context starts it and ends whatever is left of it."""
        self._stack, self._variables = stack, variables
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        command = ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive"]
        self.began = time.time()
        self._process = subprocess.Popen(
            [*command, "--color=never", f"--stack={self._stack.name}"],
            cwd=self._stack.folder,
            env={**self._stack.lab.environment, **self._variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self._process.stdout
        self._lines.extend(self._process.stdout)

    def __exit__(self, *_: object) -> None:
        if self.runs:
            self._signal(signal.SIGKILL)
        self.end()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def told(self) -> str:
        """What it has written so far."""
        return "".join(self._lines)

    def freeze(self) -> None:
        """Stops it where it is: nothing that it has not sent yet is sent."""
        self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Ends it at once, as the kernel does when memory runs out."""
        assert self.runs, self.told
        self._signal(signal.SIGKILL)
        self.end()

    def end(self) -> int:
        """Waits for its end; its exit code."""
        code = self._process.wait(PATIENCE_SECONDS * 3)
        self._reader.join()
        return code

    def _signal(self, number: int) -> None:
        os.killpg(self._process.pid, number)


def replicas(lab: Lab, deployment: str) -> tuple[int, int]:
    """The pods that a Deployment should have, and those that are ready; zeros without it."""
    found = lab.items("/apis/apps/v1/deployments").get(deployment, {"spec": {}, "status": {}})
    return found["spec"].get("replicas", 0), found["status"].get("readyReplicas", 0)


@contextmanager
def dead(lab: Lab, part: str) -> Iterator[None]:
    """A part of the lab is dead meanwhile; whatever a test finds, the next one has it again."""
    lab.command("kill", part)
    try:
        yield
    finally:
        lab.command("restart", part)


def weight(lab: Lab, virtual_service: str) -> int:
    """What the last rule of a VirtualService sends to the canary, in per cent."""
    rules = lab.items("/apis/networking.istio.io/v1/virtualservices")[virtual_service]["spec"]["http"]
    weights = {route["destination"]["subset"]: route.get("weight", 100) for route in rules[-1]["route"]}
    return weights.get("canary", 0) + weights.get("canary-or-stable", 0)

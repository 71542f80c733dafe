"""A climb in a lab, as a command of its own that events are read from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from tests.updates import until

if TYPE_CHECKING:
    from tests.conftest import Stack


class Climbing:
    """`eco2 climb --json` in the background, with all of its processes in a group of their own."""

    def __init__(self, stack: Stack, *arguments: str, **variables: str) -> None:
        """Prepares; the context starts it, and kills it if it still runs at its end."""
        self._stack, self._arguments, self._variables = stack, arguments, variables
        self.events: list[dict[str, Any]] = []
        self._errors: list[str] = []

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "eco2", "climb", *self._arguments, "--json", "--yes"]
        self._process = subprocess.Popen(
            [*command, f"--stack={self._stack.name}", f"--project={self._stack.folder}"],
            env={**self._stack.lab.environment, **self._variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)
        ]
        for reader in self._readers:
            reader.start()
        return self

    def _read(self) -> None:
        assert self._process.stdout
        self.events.extend(map(json.loads, self._process.stdout))

    def _read_errors(self) -> None:
        assert self._process.stderr
        self._errors.extend(self._process.stderr)

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()

    def named(self, name: str) -> list[dict[str, Any]]:
        """Its events of a name, so far."""
        return [event for event in self.events if event["event"] == name]

    def until(self, name: str, count: int = 1, seconds: float = 180) -> dict[str, Any]:
        """Waits for so many events of a name; the last of them."""
        until(lambda: len(self.named(name)) >= count or self._process.poll() is not None, name, seconds)
        assert len(self.named(name)) >= count, self.told
        return self.named(name)[count - 1]

    def kill(self) -> None:
        """Ends it and its update at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def end(self, seconds: float = 600) -> dict[str, Any]:
        """Waits for its end; its last event."""
        self._process.wait(seconds)
        for reader in self._readers:
            reader.join()
        assert self.events, self.told
        assert self.events[-1]["event"] == "ended", self.told
        assert self.events[-1]["code"] == self._process.returncode
        return self.events[-1]

    @property
    def told(self) -> str:
        """What it has written to standard error, and its events, for an error."""
        return "".join(self._errors[-60:]) + "\n".join(map(str, self.events[-30:]))

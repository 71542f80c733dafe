"""What happened when: a command's lines, and the gateway's own route table."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from lab.mesh.envoy import GATEWAY
from lab.mesh.routes import Split, route_tables, split_of
from lab.places import LabFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.conftest import Lab

INTERVAL_SECONDS = 0.02
PATIENCE_SECONDS = 60.0


class Late(Exception):  # noqa: N818
    """Something that was waited for did not come."""


@dataclass(frozen=True)
class Command:
    """A command that ended.

    Attributes:
        began: When it was started, in seconds since the epoch.
        ended: When it had ended.
        lines: What it said, and when.
        code: Its exit code.
    """

    began: float
    ended: float
    lines: tuple[tuple[float, str], ...]
    code: int

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def after(self, *parts: str) -> float | None:
        """Seconds until the first line that holds all these parts; None if there is none."""
        for at, line in self.lines:
            if all(part in line for part in parts):
                return at - self.began
        return None


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Command:
    """Runs a command and notes when it says what."""
    began = time.time()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines = tuple((time.time(), line.rstrip()) for line in process.stdout)
    return Command(began, time.time(), lines, process.returncode)


def until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Waits until something is so.

    Returns:
        When it was first seen so, in seconds since the epoch.

    Raises:
        Late: If it does not come.
    """
    deadline = time.time() + seconds
    while not true():
        if time.time() > deadline:
            raise Late(f"after {seconds:g} s not yet: {what}")
        time.sleep(INTERVAL_SECONDS)
    return time.time()


@dataclass
class Gateway:
    """Follows how the gateway splits a path, every 20 ms, as long as the context lasts."""

    lab: Lab
    host: str
    path: str
    seen: list[tuple[float, Split]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        until(lambda: bool(self.seen), "the gateway's routes")
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        assert self._thread is not None
        self._thread.join()

    def _follow(self) -> None:
        admin = LabFolder(self.lab.home / self.lab.name).socket(f"{GATEWAY}-admin")
        while not self._ended.wait(INTERVAL_SECONDS):
            split = split_of(route_tables(admin), self.host, self.path)
            if not self.seen or split != self.seen[-1][1]:
                self.seen.append((time.time(), split))

    @property
    def now(self) -> Split:
        return self.seen[-1][1]

    def since(self, at: float, true: Callable[[Split], bool]) -> float | None:
        """When it first followed such a split after a moment; None if never yet."""
        return next((seen for seen, split in self.seen if seen >= at and true(split)), None)

    def until(
        self, at: float, true: Callable[[Split], bool], what: str, seconds: float = PATIENCE_SECONDS
    ) -> float:
        """The same, waiting for it."""
        until(lambda: self.since(at, true) is not None, f"routes at the gateway: {what}", seconds)
        found = self.since(at, true)
        assert found is not None
        return found

"""Beginning and ending a lab's supervisor, whoever else does so at the same time."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lab.environment import NotRunningError, ask
from lab.parts import MISLEADING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.places import LabFolder

START_SECONDS = 120.0
STOP_SECONDS = 30.0
LONGEST_SOCKET = 107
"""Characters of a unix socket's path (`sun_path`, less the final zero)."""
ROOM_MIB = 500
"""What a lab with the 13 services writes in its first hour, with room to spare."""


class PlaceError(Exception):
    """A lab cannot live in its folder; the message says why and what to do."""


@contextmanager
def alone(folder: LabFolder) -> Iterator[None]:
    """Two commands that start one lab wait for each other."""
    folder.root.parent.mkdir(parents=True, exist_ok=True)
    with (folder.root.parent / f".{folder.root.name}.starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def running(folder: LabFolder) -> bool:
    """Whether a supervisor holds the lab's lock."""
    if not folder.lock.exists():
        return False
    with folder.lock.open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def begin(folder: LabFolder, region: str, clusters: Sequence[str], feature_gates: str = "") -> None:
    """Starts a supervisor in the background.

    Raises:
        PlaceError: If the folder is too deep, or its disk too full.
    """
    longest = max(len(str(folder.socket(name))) for name in ("gateway-admin", "control"))
    if longest > LONGEST_SOCKET:
        reason = f"a socket of this lab would have a path of {longest} characters, and {LONGEST_SOCKET} are allowed"
        raise PlaceError(f"{reason}; name a shorter folder: LAB_HOME=...")
    # What a crashed lab left is no use: its AWS lived in memory, so Pulumi's state would not match.
    remove(folder)
    # The token of its administrator is in there.
    folder.root.mkdir(parents=True, mode=0o700)
    room = shutil.disk_usage(folder.root).free // 2**20
    if room < ROOM_MIB:
        raise PlaceError(
            f"{folder.root} has {room} MiB left, a lab needs {ROOM_MIB}; free some, or set LAB_HOME"
        )
    with folder.supervisor_log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "lab.supervisor", str(folder.root), region, feature_gates, *clusters],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            env={name: value for name, value in os.environ.items() if name.upper() not in MISLEADING},
        )  # fmt: skip
    folder.supervisor_pid.write_text(str(supervisor.pid), "ascii")
    while supervisor.poll() is None and not running(folder):
        time.sleep(0.02)


def follow(folder: LabFolder, say: Callable[[str], None]) -> bool:
    """Repeats what the supervisor says until the lab is up.

    Returns:
        Whether it is; not if its supervisor ended, or takes too long and is ended.
    """
    told, deadline = 0, time.monotonic() + START_SECONDS
    while True:
        ready, ended = folder.ready.exists(), not running(folder)
        try:
            lines = folder.supervisor_log.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            say("error: the lab was stopped while it was starting")
            return False
        for line in lines[told:]:
            say(line)
        told = len(lines)
        if ready or ended:
            return ready and not ended
        if time.monotonic() > deadline:
            say(f"error: not up after {START_SECONDS:g} s; see {folder.supervisor_log}")
            end(folder)
            return False
        time.sleep(0.1)


def end(folder: LabFolder) -> None:
    """Asks a lab to end, also one that is still starting, and waits for it."""
    deadline = time.monotonic() + STOP_SECONDS
    if not running(folder):
        return
    try:
        ask(folder, "stop")
    except NotRunningError:
        with suppress(OSError, ValueError):
            os.kill(int(folder.supervisor_pid.read_text("ascii")), signal.SIGTERM)
    while running(folder) and time.monotonic() < deadline:
        time.sleep(0.05)


def remove(folder: LabFolder) -> None:
    """Removes what a lab left; a folder that no supervisor wrote to is left alone.

    Raises:
        PlaceError: If the folder holds other things.
    """
    if folder.root.exists() and any(folder.root.iterdir()) and not folder.supervisor_log.exists():
        raise PlaceError(
            f"{folder.root} holds what no lab has written; name another: LAB_HOME=..., --name ..."
        )
    shutil.rmtree(folder.root, ignore_errors=True)

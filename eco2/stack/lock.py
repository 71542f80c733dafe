"""Who holds the lock of a stack in a backend of files, and whether that process has surely ended.

Who unlocks a stack that is being updated lets two updates write one state: what cannot be told counts as running.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

LOCKED_BY = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")
"""How the CLI names the owner of a lock in a backend of files."""
HOW_MANY = re.compile(r"locked by (?P<locks>\d+) lock")
"""How it says of how many locks it complains; a line follows for each."""

PROC = Path("/proc")
FIRST_NAMESPACE = 0xEFFFFFFC
"""The PID namespace that Linux itself makes, by its inode (`PROC_PID_INIT_INO`)."""
INNER_PIDS = re.compile(r"^NSpid:\t\d+\t(?P<pids>.+)$", re.MULTILINE)
"""What a process is called in the containers that it is in, as the machine around them sees it."""


def owner_has_ended(refusal: str) -> bool:
    """Whether all locks that the CLI complains of were left by processes of this machine that surely run no more."""
    owners, told = list(LOCKED_BY.finditer(refusal)), HOW_MANY.search(refusal)
    if not owners or (told and int(told["locks"]) != len(owners)):
        return False
    return all(has_ended(owner["host"], owner["pid"]) for owner in owners)


def has_ended(host: str, pid: str) -> bool:
    """Whether a process by this number of a host is one of this machine that surely runs no more."""
    return host == socket.gethostname() and not (_in_a_container() or _may_run(pid))


def running_owner(refusal: str) -> str:
    """The process of this machine that holds a lock and runs; empty where none is known to."""
    if _in_a_container():
        return ""
    here = [one["pid"] for one in LOCKED_BY.finditer(refusal) if one["host"] == socket.gethostname()]
    return next((pid for pid in here if _may_run(pid)), "")


def _in_a_container() -> bool:
    """Whether this process sees others by other numbers than the machine does, under whose name they may lock."""
    try:
        return (PROC / "self/ns/pid").stat().st_ino != FIRST_NAMESPACE
    except FileNotFoundError:  # no Linux, or one without such namespaces
        return False
    except OSError:
        return True


def _may_run(pid: str) -> bool:
    return _runs(int(pid)) or _runs_in_a_container(pid)


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for its end does not.

    In a container the first process may ask late, or never.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's; /proc may hide it
    try:
        stat = (PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def _runs_in_a_container(pid: str) -> bool:
    """Whether some process has this number in a container: one with the machine's host name locks by that."""
    for file in PROC.glob("[0-9]*/status"):
        try:
            found = INNER_PIDS.search(file.read_text("utf-8", errors="replace"))
        except OSError:  # it has just ended
            continue
        if found and pid in found["pids"].split():
            return True
    return False

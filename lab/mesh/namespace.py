"""The lab's own network: a namespace where every pod's address is this machine, and nothing leads out."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
LOCAL_TABLE = 255
READY = "ready"
_libc = ctypes.CDLL(None, use_errno=True)


class NamespaceError(Exception):
    """The kernel gives no network namespace; the message says why."""


def create(pod_range: str) -> None:
    """Moves this process into a new network namespace and makes a range of addresses local in it.

    An ordinary user, or a root without CAP_SYS_ADMIN, gets one inside a user namespace.

    Args:
        pod_range: The addresses of the pods, as CIDR.

    Raises:
        NamespaceError: If the kernel forbids it.
    """
    # Slow to import, and `enter` needs none of it.
    from pyroute2 import IPRoute, NetlinkError  # noqa: PLC0415

    user, group = os.getuid(), os.getgid()
    if refused := _unshare(CLONE_NEWNET):
        refused_again = _unshare(CLONE_NEWNET | CLONE_NEWUSER)
        if refused_again:
            reasons = f"{refused}; inside a user namespace: {refused_again}"
            raise NamespaceError(f"the kernel gives user {user} no network namespace: {reasons}")
    try:
        if refused:
            Path("/proc/self/setgroups").write_text("deny", "ascii")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1", "ascii")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1", "ascii")
        with IPRoute() as network:
            loopback = network.link_lookup(ifname="lo")[0]
            network.link("set", index=loopback, state="up")
            network.route("add", dst=pod_range, oif=loopback, type="local", scope="host", table=LOCAL_TABLE)
    except (OSError, NetlinkError) as error:
        raise NamespaceError(f"the network namespace cannot be set up: {error}") from error


def _unshare(flags: int) -> str:
    """Leaves namespaces for new ones; why not, or nothing if it went well."""
    if not _libc.unshare(flags):
        return ""
    code = ctypes.get_errno()
    # The kernel's own word for it, "no space left on device", would send people to their disks.
    limits = "the limit user.max_user_namespaces or user.max_net_namespaces is reached"
    return limits if code == errno.ENOSPC else os.strerror(code)


def enter(pid: int) -> None:
    """Moves this process, which must have one thread only, into the namespace of another.

    Raises:
        OSError: If that process has ended, or belongs to somebody else.
    """
    own = Path("/proc/self/ns/user").stat().st_ino
    for kind, flag in (("user", CLONE_NEWUSER), ("net", CLONE_NEWNET)):
        place = f"/proc/{pid}/ns/{kind}"
        if kind == "user" and Path(place).stat().st_ino == own:
            continue
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(handle, flag):
                raise OSError(ctypes.get_errno(), "cannot enter the lab's network namespace", place)
        finally:
            os.close(handle)


def main() -> int:
    """Holds a namespace until ended: `python -m lab.mesh.namespace RANGE`; the first line says how it went."""
    try:
        create(sys.argv[1])
    except NamespaceError as error:
        print(error, flush=True)
        return 1
    print(READY, flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())

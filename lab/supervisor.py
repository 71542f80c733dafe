"""The one process that owns a lab: it starts the parts, and they end with it.

Every child asks the kernel for SIGKILL at its parent's death, so nothing survives, whatever
happens to this process. All children are started by the main thread: to the kernel, the
parent is the thread.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import parts
from lab.api import Api, ApiError, Connection, Unreachable
from lab.aws.seed import seed
from lab.control import end_with, listen
from lab.crds import install
from lab.mesh import istio
from lab.mesh import parts as mesh
from lab.mesh.namespace import READY, enter
from lab.places import ENDS_WITH, LabFolder

if TYPE_CHECKING:
    from collections.abc import Callable

START_SECONDS = 60.0
STOP_SECONDS = 3.0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class StartError(Exception):
    """A part did not become ready; the message names it and its log."""


class Supervisor:
    """Runs the parts of one lab."""

    def __init__(self, plan: parts.Plan) -> None:
        """Prepares; nothing is started yet."""
        self.plan = plan
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.requests: queue.Queue[tuple[Callable[[], Any], queue.Queue[Any]]] = queue.Queue()
        self.ending = False
        self.network: int | None = None
        self.no_network = ""

    def bring_up(self) -> None:
        """Starts everything in order.

        Raises:
            StartError: If a part does not become ready.
        """
        parts.write_files(self.plan)
        api = Api(
            Connection(self.plan.api, self.plan.token, str(self.plan.folder.root / "certs" / "apiserver.crt"))
        )
        self._step("etcd and kube-apiserver", self._control_plane, api)
        for name in ("kube-controller-manager", "kube-scheduler", "kwok", "aws"):
            self.start(name)
        self._step("definitions of Istio, KEDA and metrics", install, api)
        self._step("network", self._network)
        self.start(mesh.PODS if self.network else mesh.SILENT_PODS)
        if self.network:
            self._step("istiod and Envoy", self._data_plane, api)
        self._step("AWS API", self._aws)
        for name in ("joiner", "keda"):
            self.start(name)
        parts.write_kubeconfig(self.plan)
        told = {
            "clusters": self.plan.clusters,
            "region": self.plan.region,
            "api": self.plan.api,
            "aws": self.plan.aws,
            "gateway": f"http://127.0.0.1:{self.plan.ports['gateway']}" if self.network else None,
            "prometheus": f"http://127.0.0.1:{self.plan.ports[mesh.PROMETHEUS]}" if self.network else None,
            "network": self.network,
            "noNetwork": self.no_network,
        }
        self.plan.folder.ready.write_text(json.dumps(told), "utf-8")

    def _step(self, title: str, work: Callable[..., None], *arguments: Any) -> None:
        began = time.monotonic()
        work(*arguments)
        print(f"{title}: ready after {time.monotonic() - began:.1f} s", flush=True)

    def _control_plane(self, api: Api) -> None:
        self.start("etcd")
        self.start("kube-apiserver")
        self._until("kube-apiserver", lambda: api.request("GET", "/readyz") == "ok")

    def _aws(self) -> None:
        self._until("aws", lambda: seed(self.plan.aws, self.plan.region, self.plan.clusters))

    def _network(self) -> None:
        """Makes the namespace; where the kernel forbids it, the lab runs without traffic, and says so."""
        self.start(mesh.NETWORK)
        log, process = self.plan.folder.logs / f"{mesh.NETWORK}.log", self.processes[mesh.NETWORK]
        deadline = time.monotonic() + START_SECONDS
        while not (said := log.read_text("utf-8", "replace").strip()) and time.monotonic() < deadline:
            if process.poll() is not None and not log.stat().st_size:
                break
            time.sleep(0.02)
        if said == READY:
            self.network = process.pid
            return
        self.kill(mesh.NETWORK)
        del self.processes[mesh.NETWORK]
        self.no_network = said.rpartition("\n")[2] or f"it gave no reason and ended with {process.returncode}"
        print(
            f"warning: {self.no_network}; pods run, but nothing listens: no gateway, no traffic", flush=True
        )

    def _data_plane(self, api: Api) -> None:
        istio.install(api)
        for name in mesh.RELAYS:
            self.start(name)
        self.start(mesh.ISTIOD)
        self._until(mesh.ISTIOD, lambda: mesh.answers(self.plan.folder.socket(mesh.ISTIOD)))
        for name in mesh.ENVOYS:
            self.start(name)
        for name in mesh.ENVOYS:
            self._until(name, partial(mesh.answers, self.plan.folder.socket(f"{name}-admin")))
        self.start(mesh.PROMETHEUS)

    def _until(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.ending:
                raise StartError("the lab was stopped while it was starting")
            if self.processes[name].poll() is not None:
                break
            try:
                if ready():
                    return
            except (ApiError, Unreachable, OSError):
                pass
            time.sleep(0.1)
        log = self.plan.folder.logs / f"{name}.log"
        raise StartError(f"{name} did not become ready; its last words, from {log}:\n{_tail(log)}")

    def start(self, name: str) -> None:
        """Starts a part, unless it runs."""
        if name in self.processes and self.processes[name].poll() is None:
            return
        network = self.network if name in mesh.INSIDE else None
        with (self.plan.folder.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # no shell
                parts.commands(self.plan)[name],
                cwd=self.plan.folder.root,
                env=parts.environment(self.plan),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # It makes system calls alone and takes no lock.
                preexec_fn=partial(_begin, network),  # noqa: PLW1509
            )

    def kill(self, name: str) -> None:
        """Ends a part at once, as a crash would."""
        self.processes[name].kill()
        self.processes[name].wait()

    def status(self) -> dict[str, str]:
        """The state of each part."""
        return {
            name: "running" if (code := process.poll()) is None else f"ended with {code}"
            for name, process in self.processes.items()
        }

    def serve(self) -> None:
        """Does what is asked, on the main thread, until asked to end."""
        while not self.ending:
            try:
                work, answer = self.requests.get(timeout=0.5)
            except queue.Empty:
                continue
            answer.put(work())

    def end(self) -> None:
        """Ends all parts, last started first."""
        self.plan.folder.ready.unlink(missing_ok=True)
        for process in reversed(self.processes.values()):
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _begin(network: int | None) -> None:
    """What a child does first: it enters the lab's network, if it belongs there, and ends with its parent."""
    if network is not None:
        enter(network)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _tail(log: Any, lines: int = 8) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])


def main() -> int:
    """Runs a lab: `python -m lab.supervisor FOLDER REGION FEATURE-GATES CLUSTER...`."""
    folder = LabFolder(Path(sys.argv[1]))
    with folder.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        supervisor = Supervisor(parts.Plan(folder, tuple(sys.argv[4:]), sys.argv[2], sys.argv[3]))

        def ask_to_end(*_: object) -> None:
            supervisor.ending = True

        signal.signal(signal.SIGTERM, ask_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with(os.environ.get(ENDS_WITH, ""), ask_to_end)
        try:
            supervisor.bring_up()
            listen(supervisor)
            supervisor.serve()
        except StartError as error:
            print(f"error: {error}", flush=True)
            return 1
        finally:
            supervisor.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())

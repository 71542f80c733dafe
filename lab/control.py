"""What others may ask of a lab that runs: its parts' state, faults, its end."""

from __future__ import annotations

import json
import os
import queue
import select
import socketserver
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.supervisor import Supervisor


def listen(supervisor: Supervisor) -> None:
    """Takes requests as lines of JSON: `{"do": "restart", "name": "kube-apiserver"}`."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = json.loads(self.rfile.readline())
            answer: queue.Queue[Any] = queue.Queue()
            supervisor.requests.put((lambda: _do(supervisor, asked), answer))
            self.wfile.write(json.dumps(answer.get()).encode() + b"\n")

    supervisor.plan.folder.control.unlink(missing_ok=True)
    server = socketserver.ThreadingUnixStreamServer(str(supervisor.plan.folder.control), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _do(supervisor: Supervisor, asked: dict[str, str]) -> dict[str, Any]:
    name = asked.get("name", "")
    if asked["do"] in ("kill", "start", "restart") and name not in supervisor.processes:
        return {"error": f"no part is called {name!r}; there are {', '.join(supervisor.processes)}"}
    if asked["do"] in ("kill", "restart"):
        supervisor.kill(name)
    if asked["do"] in ("start", "restart"):
        supervisor.start(name)
    if asked["do"] == "stop":
        supervisor.ending = True
    return {"parts": supervisor.status()}


def end_with(pid: str, end: Callable[[], None]) -> None:
    """Ends the lab when a process does, as tests want it: one that is killed stops nothing any more.

    Args:
        pid: The process; empty for a lab that goes on until it is stopped.
        end: Asks the lab to end.
    """

    def wait(process: int) -> None:
        select.select([process], [], [])
        end()

    if not pid:
        return
    try:
        # A number may be given to another process; this stands for the one that has it now.
        process = os.pidfd_open(int(pid))
    except ProcessLookupError:
        end()
        return
    except OSError as error:  # an old kernel, or one that somebody plays
        print(f"warning: the lab does not end with process {pid}: {error}", flush=True)
        return
    threading.Thread(target=wait, args=(process,), daemon=True).start()

"""The processes of the data plane, and which of them live inside the lab's network."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from lab import tools
from lab.mesh import envoy, istio

if TYPE_CHECKING:
    from pathlib import Path

    from lab.places import LabFolder

NETWORK = "network"
PODS = "pods"
SILENT_PODS = "silent-pods"
ISTIOD = "istiod"
COUNTS = "counts"
RELAYS = ("relay-outside", "relay-inside")
ENVOYS = (envoy.GATEWAY, envoy.CALLER)
INSIDE = frozenset({PODS, ISTIOD, RELAYS[1], *ENVOYS})
ANSWER_SECONDS = 1.0


def write_files(folder: LabFolder) -> None:
    """Writes what istiod and the two Envoys read."""
    istio.write(folder)
    for name in ENVOYS:
        envoy.write(folder, name)


def commands(
    folder: LabFolder, kubeconfig: str, api_port: int, gateway_port: int, pod_range: str
) -> dict[str, list[str]]:
    """The command of each part.

    Args:
        folder: The lab's files.
        kubeconfig: The lab's own.
        api_port: The API server's loopback port, outside; the same is opened inside.
        gateway_port: A loopback port outside that leads to the gateway.
        pod_range: The addresses of pods.
    """
    own = [sys.executable, "-m"]
    api, gateway, ready = (folder.socket(name) for name in ("api", "gateway", ISTIOD))
    kubelet = [*own, "lab.pods.kubelet", kubeconfig, pod_range, str(folder.socket(PODS))]
    outside = [f"unix:{api}=tcp:127.0.0.1:{api_port}", f"tcp:127.0.0.1:{gateway_port}=unix:{gateway}"]
    inside = [
        f"tcp:127.0.0.1:{api_port}=unix:{api}",
        f"unix:{gateway}=tcp:127.0.0.1:{envoy.GATEWAY_PORT}",
        f"unix:{ready}=tcp:127.0.0.1:{envoy.ISTIOD_PORT}",
    ]
    return {
        NETWORK: [*own, "lab.mesh.namespace", pod_range],
        PODS: [*kubelet, "--listen"],
        SILENT_PODS: kubelet,
        RELAYS[0]: [*own, "lab.mesh.relay", *outside],
        RELAYS[1]: [*own, "lab.mesh.relay", *inside],
        ISTIOD: istio.command(str(tools.program(tools.ISTIOD)), folder, kubeconfig),
        **{name: envoy.command(folder, name) for name in ENVOYS},
    }


def counts_command(folder: LabFolder, port: int) -> list[str]:
    """How to start what answers as a Prometheus would; it needs the Envoys' sockets alone."""
    sockets = (str(folder.socket(f"{name}-admin")) for name in ENVOYS)
    return [sys.executable, "-m", "lab.mesh.counts", str(port), *sockets]


def answers(path: Path) -> bool:
    """Whether a server behind a unix socket says that it is ready.

    Raises:
        OSError: If nothing listens there.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS)
        line.connect(str(path))
        line.sendall(b"GET /ready HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        return b" 200 " in line.recv(64)

"""The processes of the data plane, and which of them live inside the lab's network."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from lab import tools
from lab.mesh import envoy, istio, prometheus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.places import LabFolder

NETWORK = "network"
PODS = prometheus.PODS
PROMETHEUS = prometheus.PROMETHEUS
SILENT_PODS = "silent-pods"
ISTIOD = "istiod"
RELAYS = ("relay-outside", "relay-inside")
ENVOYS = (envoy.GATEWAY, envoy.CALLER)
INSIDE = frozenset({PODS, ISTIOD, RELAYS[1], *ENVOYS})
ANSWER_SECONDS = 1.0
PORTS = (envoy.GATEWAY, PROMETHEUS, *(f"{name}-metrics" for name in (*ENVOYS, PODS)))
"""Loopback ports outside: the gateway, Prometheus, and what that asks."""


def write_files(folder: LabFolder, ports: Mapping[str, int]) -> None:
    """Writes what istiod, the two Envoys and Prometheus read."""
    istio.write(folder)
    prometheus.write(folder, {name: ports[f"{name}-metrics"] for name in (*ENVOYS, PODS)})
    for name in ENVOYS:
        envoy.write(folder, name)


def commands(
    folder: LabFolder, kubeconfig: str, ports: Mapping[str, int], pod_range: str
) -> dict[str, list[str]]:
    """The command of each part.

    Args:
        folder: The lab's files.
        kubeconfig: The lab's own.
        ports: Loopback ports outside: `api`, which is opened inside, too, and those of `PORTS`.
        pod_range: The addresses of pods.
    """
    own = [sys.executable, "-m"]
    api, gateway, ready = (folder.socket(name) for name in ("api", "gateway", ISTIOD))
    kubelet = [*own, "lab.pods.kubelet", kubeconfig, pod_range, str(folder.socket(PODS))]
    metrics = {PODS: PODS, **{name: f"{name}-admin" for name in ENVOYS}}
    outside = [
        f"unix:{api}=tcp:127.0.0.1:{ports['api']}",
        f"tcp:127.0.0.1:{ports[envoy.GATEWAY]}=unix:{gateway}",
        *(
            f"tcp:127.0.0.1:{ports[f'{name}-metrics']}=unix:{folder.socket(at)}"
            for name, at in metrics.items()
        ),
    ]
    inside = [
        f"tcp:127.0.0.1:{ports['api']}=unix:{api}",
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
        PROMETHEUS: prometheus.command(folder, ports[PROMETHEUS]),
    }


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

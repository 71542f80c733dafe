"""Ports: which of them a container may use, what probes ask of them, and which protocol their names tell Istio."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator

from rollout.spec.model import Port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SIDECAR_PORTS: Final = range(15000, 15100)
"""Kept by Istio for its sidecar (istio.io/latest/docs/ops/deployment/application-requirements/)."""

BY_ROUTES: Final = re.compile(r"(http2?|grpc)(-.*)?")
"""Names of ports whose requests follow routes (istio.io/latest/docs/ops/configuration/traffic-management/\
protocol-selection/); `https` and `tcp` are opaque to proxies, and any other name leaves it to chance."""

GRPC: Final = re.compile(r"grpc(?!-web)(-.*)?")


def not_of_the_sidecar(port: int) -> int:
    """A port that a container may listen on.

    Raises:
        ValueError: If Istio's sidecar does.
    """
    if port in SIDECAR_PORTS:
        raise ValueError(f"{port} is a port of Istio's sidecar (15000 to 15099); choose another")
    return port


OwnPort = Annotated[Port, AfterValidator(not_of_the_sidecar)]
"""A port of the service's own container."""


def unlistened(asked: Mapping[str, int | None], ports: Iterable[int]) -> str:
    """Why probes would never succeed; empty if each asks a port that is declared.

    A container that declares none, as a worker's, may listen where it likes.

    Args:
        asked: The port that each probe asks, by the probe's name; None where it asks none.
        ports: The ports that the container declares.
    """
    declared = sorted(ports)
    strange = {name: port for name, port in asked.items() if port is not None and port not in declared}
    if not declared or not strange:
        return ""
    told = ", ".join(f"{name} asks port {port}" for name, port in strange.items())
    return f"{told}, and ports has {', '.join(map(str, declared))} only; probe one of them, or declare it"


def misnamed(kind: str, name: str) -> str:
    """Why a service's first port, which its callers use, has a name of another protocol; empty if it has not.

    Args:
        kind: The service's kind.
        name: The port's name.
    """
    if kind == "api" and not BY_ROUTES.fullmatch(name):
        told = f"Istio reads a port's protocol from its name, and {name} is none by which routes, header and weights"
        return f"{told} apply inside the mesh; call it http, http2 or grpc, or put such a port first (http-{name})"
    if kind == "grpc" and not GRPC.fullmatch(name):
        told = f"Istio reads a port's protocol from its name, and {name} is not gRPC"
        return f"{told}; call it grpc, or put such a port first (grpc-{name})"
    return ""

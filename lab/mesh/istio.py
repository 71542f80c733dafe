"""What an Eco2 cluster has beside the services: istiod's own settings, the gateway, who asks ext-authz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from lab.mesh.envoy import CALLER_NAMESPACE, GATEWAY_PORT, ISTIOD_PORT, MESH_PORTS, XDS_PORT
from lab.mesh.telemetry import FILTER

if TYPE_CHECKING:
    from lab.api import Api
    from lab.places import LabFolder

PROVIDER = "eco2-ext-authz"

MESH = {
    "accessLogFile": "",
    "enableAutoMtls": False,
    "defaultConfig": {"discoveryAddress": "127.0.0.1:15012"},
    "extensionProviders": [
        {
            "name": PROVIDER,
            "envoyExtAuthzGrpc": {
                "service": "ext-authz.auth.svc.cluster.local",
                "port": 50051,
                "timeout": "2s",
                "failOpen": False,
            },
        }
    ],
}
ENVIRONMENT = {
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "POD_NAMESPACE": "istio-system",
    "INJECT_ENABLED": "false",
}

OBJECTS: tuple[dict[str, Any], ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CALLER_NAMESPACE}},
    {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "eco2-gateway", "namespace": "istio-system"},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [
                {"port": {"number": GATEWAY_PORT, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
            ],
        },
    },
    {
        # No traffic is captured here: the caller's Envoy listens on the ports of the services instead,
        # and the Host header says which of them is meant.
        "apiVersion": "networking.istio.io/v1",
        "kind": "Sidecar",
        "metadata": {"name": "default", "namespace": CALLER_NAMESPACE},
        "spec": {
            "egress": [
                {
                    "port": {"number": port, "name": name, "protocol": name.upper()},
                    "bind": "127.0.0.1",
                    "captureMode": "NONE",
                    "hosts": ["*/*"],
                }
                for port, name in MESH_PORTS.items()
            ]
        },
    },
    {
        # Nobody here hands out certificates.
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": "DISABLE"}},
    },
    {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "ext-authz-policy", "namespace": "istio-system"},
        "spec": {
            "selector": {"matchLabels": {"istio": "ingressgateway"}},
            "action": "CUSTOM",
            "provider": {"name": PROVIDER},
            "rules": [
                {
                    "to": [
                        {
                            "operation": {
                                "paths": ["/api/v1/*"],
                                # As in the clusters: health and documentation are open to all.
                                "notPaths": ["*/health", "*/ready", "*/metrics", "*/docs", "*/openapi.json"],
                            }
                        }
                    ]
                }
            ],
        },
    },
    FILTER,
)


def install(api: Api) -> None:
    """Applies the platform's objects.

    Raises:
        ApiError: If the API server refuses.
        Unreachable: If it does not answer.
    """
    for document in OBJECTS:
        api.apply(document, "lab")


def write(folder: LabFolder) -> None:
    """Writes the mesh's configuration."""
    (folder.root / "mesh.yaml").write_text(yaml.safe_dump(MESH), "utf-8")


def command(pilot_discovery: str, folder: LabFolder, kubeconfig: str) -> list[str]:
    """How to start istiod."""
    return [
        pilot_discovery, "discovery", f"--kubeconfig={kubeconfig}", f"--meshConfig={folder.root / 'mesh.yaml'}",
        f"--grpcAddr=127.0.0.1:{XDS_PORT}", "--secureGRPCAddr=127.0.0.1:15012",
        "--httpsAddr=127.0.0.1:15017", f"--httpAddr=127.0.0.1:{ISTIOD_PORT}", "--monitoringAddr=127.0.0.1:15014",
    ]  # fmt: skip

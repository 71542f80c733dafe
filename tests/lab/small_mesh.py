"""An Envoy, two servers and a Prometheus, as in a lab, without a cluster."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eco2.prometheus import Prometheus, PrometheusError
from lab.mesh import prometheus
from lab.mesh.telemetry import ACCESS_LOG, FLUSH

CONNECTIONS = "envoy.filters.network.http_connection_manager"
HTTP = "type.googleapis.com/envoy.extensions.filters"
SLOW_SECONDS = 0.3


@contextmanager
def serving(answer):
    """A server on a loopback port: `answer(path)` gives status, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def pod(path):
    if "slow" in path:
        time.sleep(SLOW_SECONDS)
    if "grpc" in path:
        return 200, {"content-type": "application/grpc", "grpc-status": "14"}, b""
    return (503 if "fails" in path else 200), {}, b"ok"


def cluster(subset, *pods, service="chat-api.chat"):
    """A cluster as istiod names it; each pod has a version and a port."""
    name = f"outbound|8000|{subset}|{service}.svc.cluster.local"
    hosts = [
        {
            "endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}},
            "metadata": {
                "filter_metadata": {
                    "istio": {"workload": f"chat-api-{version};chat;chat-api;{version};Kubernetes"}
                }
            },
        }
        for version, port in pods
    ]
    return {
        "name": name,
        "alt_stat_name": f"{name};",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]},
    }


def bootstrap(folder, port, clusters):
    """An Envoy whose paths begin with the subset of the cluster that gets them."""
    routes = [
        {"match": {"prefix": f"/{one['name'].split('|')[2]}/"}, "route": {"cluster": one["name"]}}
        for one in clusters
    ]
    manager = {
        "@type": f"{HTTP}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{HTTP}.http.router.v3.Router"},
            }
        ],
        "access_log": [ACCESS_LOG],
    }
    return {
        "admin": {"address": {"pipe": {"path": str(folder.socket("gateway-admin"))}}},
        "stats_flush_interval": FLUSH,
        "static_resources": {
            "listeners": [
                {
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [{"filters": [{"name": CONNECTIONS, "typed_config": manager}]}],
                }
            ],
            "clusters": clusters,
        },
    }


class Mesh:
    """An Envoy, pods, and a Prometheus that asks them."""

    def __init__(self, folder, ports, processes):
        self.folder, self.ports, self.processes = folder, ports, processes
        self.url = f"http://127.0.0.1:{ports['prometheus']}"
        self.asked = Prometheus(self.url)

    def start(self, name, *command):
        with (self.folder.root / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def start_prometheus(self):
        self.start("prometheus", *prometheus.command(self.folder, self.ports["prometheus"]))

    def send(self, path, count=1, **headers):
        for _ in range(count):
            line = HTTPConnection("127.0.0.1", self.ports["envoy"], timeout=5)
            line.request(
                "POST" if headers else "GET",
                path,
                headers={k.replace("_", "-"): v for k, v in headers.items()},
            )
            line.getresponse().read()
            line.close()

    def leave(self, path, after):
        """Sends a request and goes before it is answered."""
        line = HTTPConnection("127.0.0.1", self.ports["envoy"], timeout=after)
        line.request("GET", path)
        with pytest.raises(TimeoutError):
            line.getresponse()
        line.close()

    def sums(self, expression, *names):
        """Values of an expression by some labels."""
        by = ",".join(names)
        try:
            found = self.asked.query(f"sum by ({by}) ({expression})")
        except PrometheusError:
            return {}
        return {tuple(labels.get(name, "") for name in names): value for labels, value in found}

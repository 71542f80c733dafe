"""An API server of a few lines: VirtualServices of one namespace, over plain HTTP on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUTES = "/apis/networking.istio.io/v1/namespaces/{}/virtualservices/{}"
DEPLOYMENT = "/apis/apps/v1/namespaces/{}/deployments/{}"
ISTIOD = "/apis/apps/v1/namespaces/istio-system/deployments"


def routed(namespace: str, name: str, weight: int) -> dict[str, Any]:
    """A VirtualService that sends some of its requests to the canary."""
    shares = {"stable": 100 - weight, "canary": weight}
    route = [
        {"destination": {"host": name, "subset": subset}, "weight": share}
        for subset, share in shares.items()
        if share
    ]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"http": [{"route": route}]},
    }


class ApiServer:
    """Answers with `objects`, by path; what is applied replaces one, and `refusals` are by path, too.

    Attributes:
        objects: What is there.
        refusals: Messages with which a change is refused.
        unreadable: Paths that nobody may read.
        written: Path and query of what was written, in order.
        before_write: What happens just before the first write of a path.
        not_served: Paths of lists that the server does not know.
        hangs: Whether requests are taken and never answered.
        after_write: What happens just after each write of a path, as an autoscaler's.
        once: Statuses with which the next requests are answered, by method and path; 0 cuts the line off.
    """

    def __init__(self, kubeconfig: Path, context: str) -> None:  # noqa: C901  # a server of a few lines
        """Begins to listen, and writes a kubeconfig that leads here."""
        ready = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
        self.objects: dict[str, dict[str, Any]] = {
            ISTIOD: {"items": [{"metadata": {"name": "istiod"}, "status": ready}]}
        }
        self.refusals: dict[str, str] = {}
        self.unreadable: set[str] = set()
        self.before_write: dict[str, Callable[[], None]] = {}
        self.after_write: dict[str, Callable[[], None]] = {}
        self.written: list[tuple[str, str]] = []
        self.not_served: set[str] = set()
        self.hangs = False
        self.once: dict[tuple[str, str], list[int]] = {}
        self.asked = threading.Event()
        self._released = threading.Event()
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                cluster.asked.set()
                if cluster.hangs:
                    cluster._released.wait()
                path = self.path.partition("?")[0]
                if self._answered_otherwise("GET", path):
                    return
                if path in cluster.unreadable:
                    self._answer(403, {"message": "no right to read this"})
                elif path in cluster.objects:
                    self._answer(200, cluster.objects[path])
                else:
                    name = path.rsplit("/", 1)[1]
                    # A list that no server has is no object, and is answered without a name.
                    known = (
                        name not in ("deployments", "replicasets", "pods") and path not in cluster.not_served
                    )
                    self._answer(404, {"reason": "NotFound", "details": {"name": name} if known else {}})

            def do_PATCH(self) -> None:
                path, _, query = self.path.partition("?")
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self._answered_otherwise("PATCH", path):
                    return
                if path in cluster.refusals:
                    self._answer(500, {"message": cluster.refusals[path]})
                    return
                cluster.before_write.pop(path, lambda: None)()
                cluster.written.append((path, query))
                if path.endswith("/scale"):
                    self._scale(path.removesuffix("/scale"), body)
                    return
                seen = body["metadata"].get("resourceVersion")
                if seen and seen != cluster.objects[path]["metadata"].get("resourceVersion"):
                    self._answer(409, {"message": "the object has been modified"})
                    return
                cluster.objects[path] = body
                cluster.after_write.get(path, lambda: None)()
                self._answer(200, body)

            def _scale(self, path: str, body: dict[str, Any]) -> None:
                if path not in cluster.objects:
                    self._answer(404, {"reason": "NotFound", "details": {"name": path.rsplit("/", 1)[1]}})
                    return
                assert self.headers["Content-Type"] == "application/merge-patch+json"
                cluster.objects[path]["spec"] |= body["spec"]
                cluster.after_write.get(path, lambda: None)()
                self._answer(200, {"kind": "Scale", **body})

            def _answered_otherwise(self, method: str, path: str) -> bool:
                if not (statuses := cluster.once.get((method, path))):
                    return False
                if status := statuses.pop(0):
                    self._answer(status, {"message": "not now"})
                else:
                    self.close_connection = True
                return True

            def _answer(self, status: int, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests read what commands write."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        described = {
            "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
            "clusters": [
                {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}
            ],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        kubeconfig.write_text(yaml.safe_dump(described))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def routes(self, namespace: str, name: str, weight: int) -> None:
        """Puts both VirtualServices of a service there."""
        for one in (name, f"{name}-mesh"):
            self.objects[ROUTES.format(namespace, one)] = routed(namespace, one, weight)

    def deployment(self, namespace: str, name: str, replicas: int, kind: str = "worker") -> dict[str, Any]:
        """Puts a Deployment there, and returns it."""
        labels = {"app.kubernetes.io/component": kind}
        made = self.objects[DEPLOYMENT.format(namespace, name)] = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": {"replicas": replicas},
        }
        return made

    def canary(self, namespace: str, name: str, image: str, ready: int = 1, wanted: int = 1) -> None:
        """Puts a canary's Deployment with its ReplicaSet there."""
        meta = {"name": f"{name}-canary", "namespace": namespace, "uid": "d"}
        template = {"metadata": {}, "spec": {"containers": [{"name": name, "image": image}]}}
        deployment = {
            "metadata": meta,
            "spec": {"replicas": wanted, "template": template},
            "status": {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready},
        }
        owned = {**meta, "uid": "r", "ownerReferences": [{"uid": "d"}]}
        owned["annotations"] = {"deployment.kubernetes.io/revision": "1"}
        replica_set = {"metadata": owned, "spec": {"replicas": wanted}, "status": {"readyReplicas": ready}}
        self.lists(namespace, [deployment], [replica_set])

    def lists(
        self, namespace: str, deployments: list[Any], replica_sets: list[Any], pods: list[Any] | None = None
    ) -> None:
        """Puts lists of a namespace there."""
        apps = f"/apis/apps/v1/namespaces/{namespace}"
        self.objects[f"{apps}/deployments"] = {"items": deployments}
        self.objects[f"{apps}/replicasets"] = {"items": replica_sets}
        self.objects[f"/api/v1/namespaces/{namespace}/pods"] = {"items": pods or []}

    def subsets(self, namespace: str, name: str) -> set[str]:
        """The subsets that any route of a service leads to."""
        return {
            route["destination"]["subset"]
            for one in (name, f"{name}-mesh")
            for rule in self.objects[ROUTES.format(namespace, one)]["spec"]["http"]
            for route in rule["route"]
        }

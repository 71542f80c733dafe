"""The lab's Prometheus: what it asks, and how that becomes the metrics of Istio.

The two Envoys report as sources of requests. Calls of the gateway's ext_authz filter pass none of their access logs,
so those are counted where they arrive, by the pods, which report as destinations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from lab import tools
from lab.mesh import envoy
from lab.mesh.telemetry import STAT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.places import LabFolder

PROMETHEUS = "prometheus"
PODS = "pods"
SCRAPE = "1s"
KEPT = "6h"
SOURCES = {envoy.GATEWAY: "istio-ingressgateway", envoy.CALLER: "lab-caller"}
"""The workloads of the two Envoys."""
UNKNOWN = "unknown"
CLUSTER = r"outbound\|\d+\|[^|]*\|(([^.]+)\.([^.]+)\.svc\.cluster\.local);?"
WORKLOAD = "([^;]*);([^;]*);[^;]*;([^;]+);.*"
"""Workload, namespace, service, version, cluster."""


def _set(label: str, value: str, given: str = "", pattern: str = ".*") -> dict[str, Any]:
    """A rule: a label gets a value, if another one, whole, fits a pattern."""
    source = {"source_labels": [given]} if given else {}
    return {**source, "regex": pattern, "target_label": label, "replacement": value}


LABELS: list[dict[str, Any]] = [
    _set("__name__", "$1", "__name__", f"envoy_({STAT_PREFIX}_.+)"),
    # What reached no pod, and what had no route.
    *(
        _set(f"destination_{part}", UNKNOWN)
        for part in (
            "service",
            "service_name",
            "service_namespace",
            "workload",
            "workload_namespace",
            "version",
        )
    ),
    _set("destination_service", "$1", "upstream_cluster", CLUSTER),
    _set("destination_service_name", "$2", "upstream_cluster", CLUSTER),
    _set("destination_service_namespace", "$3", "upstream_cluster", CLUSTER),
    _set("destination_workload", "$1", "workload", WORKLOAD),
    _set("destination_workload_namespace", "$2", "workload", WORKLOAD),
    _set("destination_version", "$3", "workload", WORKLOAD),
    _set("request_protocol", "http"),
    _set("request_protocol", "grpc", "grpc_response_status", ".+"),
    {"action": "labeldrop", "regex": "workload"},
]
"""From the tags of `lab.mesh.telemetry` to Istio's labels.

`upstream_cluster`, which Istio has not, stays: two routes to one pod (`canary`, `canary-or-stable`) are two series.
"""


def config(ports: Mapping[str, int]) -> dict[str, Any]:
    """Prometheus' configuration.

    Args:
        ports: Loopback ports by what answers there: the names of the Envoys, and `pods`.
    """

    def job(name: str, path: str, labels: dict[str, str], **others: Any) -> dict[str, Any]:
        target = {"targets": [f"127.0.0.1:{ports[name]}"], "labels": labels}
        return {"job_name": name, "metrics_path": path, "static_configs": [target], **others}

    sources = [
        job(
            name,
            "/stats/prometheus",
            {
                "reporter": "source",
                "source_workload": SOURCES[name],
                "source_workload_namespace": envoy.NODES[name][2],
            },
            params={"filter": [rf"^{STAT_PREFIX}\."]},
            metric_relabel_configs=LABELS,
        )
        for name in SOURCES
    ]
    return {
        "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE},
        "rule_files": ["rules/*.yaml"],
        "scrape_configs": [*sources, job(PODS, "/metrics", {"reporter": "destination"})],
    }


def write(folder: LabFolder, ports: Mapping[str, int]) -> None:
    """Writes the configuration; rules may be put into the folder `rules` beside it."""
    (folder.root / "prometheus.yaml").write_text(yaml.safe_dump(config(ports), sort_keys=False), "utf-8")


def command(folder: LabFolder, port: int) -> list[str]:
    """How to start it; it reads its configuration again if asked to (`POST /-/reload`)."""
    return [
        str(tools.program(tools.PROMETHEUS)),
        f"--config.file={folder.root / 'prometheus.yaml'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        f"--storage.tsdb.path={folder.root / 'prometheus'}",
        f"--storage.tsdb.retention.time={KEPT}",
        "--log.level=warn",
    ]

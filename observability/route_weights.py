"""The weights of routes as a metric, which nothing in a cluster exports by itself.

kube-state-metrics makes metrics of any object's fields (CustomResourceStateMetrics). Its paths do not walk a list
inside a list, but they find an element by its name, and the catalog knows the names of all rules: one path for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from observability.watched import Watched

PREFIX: Final = "eco2_virtualservice"
ROUTE_WEIGHT: Final = f"{PREFIX}_route_weight"
HEADER_RULE: Final = f"{PREFIX}_header_rule_info"
QUIET: Final = 10
"""The verbosity at which a VirtualService without a rule of some name is worth a line in the log."""

RIGHTS: Final = [
    {
        "apiGroups": ["networking.istio.io"],
        "resources": ["virtualservices"],
        "verbs": ["list", "watch"],
    },
    {
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
        "verbs": ["list", "watch"],
    },
]
"""What the exporter's ServiceAccount needs beside its own rights."""


def custom_resource_state(watched: Watched) -> dict[str, Any]:
    """The exporter's config: `--custom-resource-state-config-file`."""
    resource = {
        "groupVersionKind": {"group": "networking.istio.io", "version": "v1", "kind": "VirtualService"},
        "metricNamePrefix": PREFIX,
        "labelsFromPath": {"namespace": ["metadata", "namespace"], "virtualservice": ["metadata", "name"]},
        "errorLogV": QUIET,
        "metrics": [
            *(_weight(name) for name in watched.route_names),
            *(_header(name) for name in watched.route_names),
        ],
    }
    return {"kind": "CustomResourceStateMetrics", "spec": {"resources": [resource]}}


def cluster_role() -> dict[str, Any]:
    """The rights that the config needs, for an exporter that was installed without it."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "eco2-route-weights"},
        "rules": RIGHTS,
    }


def _weight(rule: str) -> dict[str, Any]:
    gauge = {
        "path": _destinations(rule),
        "labelsFromPath": {"subset": ["destination", "subset"]},
        "valueFrom": ["weight"],
    }
    return {
        "name": ROUTE_WEIGHT.removeprefix(f"{PREFIX}_"),
        "help": "Requests without the canary's header that a rule sends to a subset, in per cent.",
        "commonLabels": {"rule": rule},
        "each": {"type": "Gauge", "gauge": gauge},
    }


def _header(rule: str) -> dict[str, Any]:
    info = {
        "path": _destinations(canary_name(rule)),
        "labelsFromPath": {"subset": ["destination", "subset"]},
    }
    return {
        "name": HEADER_RULE.removeprefix(f"{PREFIX}_"),
        "help": "A rule that sends requests with the canary's header to a subset.",
        "commonLabels": {"rule": canary_name(rule)},
        "each": {"type": "Info", "info": info},
    }


def _destinations(rule: str) -> list[str]:
    return ["spec", "http", f"[name={rule}]", "route"]

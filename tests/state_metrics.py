"""A stand-in for kube-state-metrics: the metrics that the rules need, from objects of an API server.

For custom resources it does what the shipped config says, by the exporter's own rules for paths
(kube-state-metrics, docs/metrics/extend/customresourcestate-metrics.md). The config was tried on version 2.15.0 itself.
"""

from __future__ import annotations

from datetime import datetime


def found(obj, path):
    """What a path leads to: keys, and `[name=x]` for the element of a list; None where there is nothing."""
    for step in path:
        if step.startswith("["):
            key, _, value = step[1:-1].partition("=")
            obj = next((one for one in obj or () if one.get(key) == value), None)
        else:
            obj = None if obj is None else obj.get(step)
    return obj


def custom_resources(config, objects):
    """Samples of objects: name, labels and value of each."""
    for resource in config["spec"]["resources"]:
        for obj in objects:
            own = {label: found(obj, path) for label, path in resource["labelsFromPath"].items()}
            for metric in resource["metrics"]:
                (kind,) = (metric["each"][one] for one in ("gauge", "info") if one in metric["each"])
                for each in found(obj, kind["path"]) or ():
                    value = found(each, kind["valueFrom"]) if "valueFrom" in kind else 1
                    inner = {label: found(each, path) for label, path in kind["labelsFromPath"].items()}
                    if value is not None:
                        labels = {**own, **metric["commonLabels"], **inner}
                        yield f"{resource['metricNamePrefix']}_{metric['name']}", labels, value


def deployments(objects):
    """Samples of Deployments, as far as the rules and the dashboard ask."""
    for one in objects:
        meta = one["metadata"]
        labels = {"namespace": meta["namespace"], "deployment": meta["name"]}
        created = datetime.fromisoformat(meta["creationTimestamp"]).timestamp()
        yield "kube_deployment_created", labels, created
        yield "kube_deployment_spec_replicas", labels, one["spec"]["replicas"]
        available = one.get("status", {}).get("availableReplicas", 0)
        yield "kube_deployment_status_replicas_available", labels, available


def pods(objects):
    """Samples of pods, likewise."""
    for one in objects:
        meta = one["metadata"]
        for container in one.get("status", {}).get("containerStatuses", ()):
            labels = {"namespace": meta["namespace"], "pod": meta["name"], "container": container["name"]}
            yield "kube_pod_container_status_restarts_total", labels, container["restartCount"]


def exposed(samples):
    """Samples in Prometheus' text format."""
    lines = []
    for name, labels, value in samples:
        inside = ",".join(f'{label}="{one}"' for label, one in labels.items())
        lines.append(f"{name}{{{inside}}} {value}\n")
    return "".join(lines).encode()

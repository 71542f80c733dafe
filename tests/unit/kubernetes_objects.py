"""Objects as an API server returns them, as short as tests can have them."""

from __future__ import annotations

from typing import Any

NOW = "2026-01-01T10:00:00Z"


def deployment(
    name, namespace="auth", ready=1, wanted=1, image="docker.io/mng990/eco2:a", **more
) -> dict[str, Any]:
    container = {"name": name, "image": image, "args": list(more.get("args", ()))}
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"d-{name}", "creationTimestamp": NOW},
        "spec": {"replicas": wanted, "template": {"metadata": {}, "spec": {"containers": [container]}}},
        "status": {
            "replicas": more.get("pods", wanted),
            "updatedReplicas": more.get("updated", wanted),
            "readyReplicas": ready,
        },
    }


def replica_set(name, owner, revision="1", ready=1, wanted=1) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "auth",
            "uid": f"r-{name}",
            "creationTimestamp": NOW,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": f"d-{owner}"}],
        },
        "spec": {"replicas": wanted},
        "status": {"readyReplicas": ready},
    }


def pod(name, owner="", conditions=(), containers=(), phase="Running", **meta) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "auth",
            "creationTimestamp": NOW,
            "ownerReferences": [{"uid": f"r-{owner}"}],
            **meta,
        },
        "spec": {"nodeName": "ip-10-0-1-2.ap-northeast-2.compute.internal"},
        "status": {"phase": phase, "conditions": list(conditions), "containerStatuses": list(containers)},
    }


def virtual_service(name, weight, *, header=True, namespace="auth", falls_back=False) -> dict[str, Any]:
    def to(subset, **more):
        return {"destination": {"host": name, "subset": subset}, **more}

    rules: list[dict[str, Any]] = [
        {"match": [{"uri": {"exact": "/ping"}}], "directResponse": {"status": 200}}
    ]
    if header:
        rules.append({"match": [{"headers": {"x-canary": {"exact": "true"}}}], "route": [to("canary")]})
    parts = {"stable": 100 - weight, "canary-or-stable" if falls_back else "canary": weight}
    rules.append({"route": [to(subset, weight=part) for subset, part in parts.items() if part]})
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"http": rules}}


def node(name, labels=(), taints=(), ready="True") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"taints": [{"key": key, "value": value, "effect": "NoSchedule"} for key, value in taints]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def event(message, about, count=1, last="2026-01-01T09:59:00Z", **more) -> dict[str, Any]:
    return {
        "type": "Warning",
        "reason": "FailedScheduling",
        "message": message,
        "count": count,
        "lastTimestamp": last,
        "involvedObject": {"kind": "Pod", "name": about, "namespace": "auth"},
        **more,
    }

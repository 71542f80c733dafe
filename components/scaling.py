"""Autoscalers and disruption budgets: one of each for a Deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.workload import selector
from rollout.fields import present

if TYPE_CHECKING:
    from rollout.plan.replicas import Scaling
    from rollout.spec.autoscaling import Autoscaler, Behavior, Hpa, Keda

FROZEN = {"selectPolicy": "Disabled"}
"""Takes no pod away, on every version of Kubernetes."""

REMEMBERS = {"tolerance": "1"}
"""Lets a frozen autoscaler remember its number as right for a whole stabilization window after the thaw.

Once it may shrink again, an autoscaler keeps the highest of the window's recommendations. A policy
of `Disabled` does not touch those: all of them say "shrink" while a canary carries the load,
so by its source it shrinks stable at once after a rollback, before any metric tells of the
traffic that came back. A tolerance of 100 % lets each be "as many as there are" (horizontal.go,
replica_calculator.go). Not every API server keeps the field: see `components.tolerance`."""


def autoscaler_spec(
    deployment: str, scaler: Autoscaler, scaling: Scaling, *, tolerance: bool = False
) -> dict[str, Any]:
    """The spec of either kind; frozen with a tolerance where the cluster keeps it."""
    if scaler.hpa:
        return hpa_spec(deployment, scaler.hpa, scaling, tolerance=tolerance)
    assert scaler.keda is not None  # the model refuses an autoscaler that is neither
    return scaled_object_spec(deployment, scaler.keda, scaling, tolerance=tolerance)


def hpa_spec(deployment: str, hpa: Hpa, scaling: Scaling, *, tolerance: bool = False) -> dict[str, Any]:
    """The spec of a HorizontalPodAutoscaler (autoscaling/v2); frozen with a tolerance where the server keeps it."""
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
        "minReplicas": scaling.bounds.min,
        "maxReplicas": scaling.bounds.max,
        "metrics": [
            *(
                {"type": "Resource", "resource": {"name": name, "target": _utilization(percent)}}
                for name, percent in (("cpu", hpa.cpu_percent), ("memory", hpa.memory_percent))
                if percent is not None
            ),
            *(
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": metric.name},
                        "target": {"type": "AverageValue", "averageValue": str(metric.average)},
                    },
                }
                for metric in hpa.pods_metrics
            ),
        ],
        "behavior": _behavior(hpa.behavior, scaling, tolerance=tolerance),
    }


def scaled_object_spec(
    deployment: str, keda: Keda, scaling: Scaling, *, tolerance: bool = False
) -> dict[str, Any]:
    """The spec of a ScaledObject (keda.sh/v1alpha1); frozen with a tolerance where the cluster keeps it."""
    behavior = _behavior(keda.behavior, scaling, tolerance=tolerance)
    return present(
        scaleTargetRef={"name": deployment},
        minReplicaCount=scaling.bounds.min,
        maxReplicaCount=scaling.bounds.max,
        pollingInterval=keda.polling_interval_seconds,
        cooldownPeriod=keda.cooldown_period_seconds,
        triggers=[{"type": trigger.type, "metadata": trigger.metadata} for trigger in keda.triggers],
        fallback=keda.fallback.model_dump(by_alias=True) if keda.fallback else None,
        advanced={"horizontalPodAutoscalerConfig": {"behavior": behavior}} if behavior else None,
    )


def disruption_budget_spec(app: str, version: str) -> dict[str, Any]:
    """The spec of a PodDisruptionBudget: node drains take one pod of a set at a time.

    A pod that is not ready serves nobody, so it may always go: counted, one sick pod would hold up every upgrade
    of its node (Kubernetes 1.27).
    """
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": selector(app, version)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def _utilization(percent: int) -> dict[str, Any]:
    return {"type": "Utilization", "averageUtilization": percent}


def _behavior(behavior: Behavior | None, scaling: Scaling, *, tolerance: bool) -> dict[str, Any]:
    rules = behavior.model_dump(by_alias=True, exclude_none=True) if behavior else {}
    if not scaling.may_shrink:
        rules["scaleDown"] = {**rules.get("scaleDown", {}), **FROZEN, **(REMEMBERS if tolerance else {})}
    for direction in rules.values():
        if "policies" in direction:
            direction["policies"] = list(direction["policies"])
    return rules

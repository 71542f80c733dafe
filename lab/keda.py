"""Plays the KEDA operator: keeps a HorizontalPodAutoscaler for every ScaledObject.

The metric of such an autoscaler comes from KEDA's own metrics server, which the lab does not
have; without it, an autoscaler still holds its floor and ceiling, which is all that is asked here.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from lab.api import Api, ApiError, Unreachable, connection
from lab.parts import ADMIN_CONTEXT

POLL_SECONDS = 0.7
SCALED_OBJECTS = "/apis/keda.sh/v1alpha1/scaledobjects"
AUTOSCALERS = "/apis/autoscaling/v2/horizontalpodautoscalers"


def autoscaler_of(scaled: dict[str, Any]) -> dict[str, Any]:
    """The autoscaler that KEDA would keep; it goes with its ScaledObject, which owns it."""
    meta, spec = scaled["metadata"], scaled["spec"]
    behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior")
    metrics = [
        {
            "type": "External",
            "external": {
                "metric": {"name": f"s{position}-{trigger['type']}"},
                "target": {"type": "AverageValue", "averageValue": "1"},
            },
        }
        for position, trigger in enumerate(spec["triggers"])
    ]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": f"keda-hpa-{meta['name']}",
            "namespace": meta["namespace"],
            "ownerReferences": [
                {
                    "apiVersion": scaled["apiVersion"],
                    "kind": "ScaledObject",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", **spec["scaleTargetRef"]},
            # From 0 to 1 it is the operator that scales; an autoscaler's floor is 1 at least.
            "minReplicas": max(spec.get("minReplicaCount", 1), 1),
            "maxReplicas": spec.get("maxReplicaCount", 100),
            "metrics": metrics,
            **({"behavior": behavior} if behavior else {}),
        },
    }


def keep(api: Api, known: dict[str, int]) -> None:
    """Applies the autoscalers that are missing, or whose ScaledObject has changed.

    Args:
        api: The API server.
        known: The generation of each ScaledObject that was applied, by its uid; kept from pass to pass.

    Raises:
        ApiError: If the API server refuses to list.
        Unreachable: If it does not answer.
    """
    there = {owner["uid"] for one in api.request("GET", AUTOSCALERS)["items"] for owner in _owners(one)}
    for scaled in api.request("GET", SCALED_OBJECTS)["items"]:
        meta = scaled["metadata"]
        up_to_date = meta["uid"] in there and known.get(meta["uid"]) == meta["generation"]
        if up_to_date or meta.get("deletionTimestamp"):
            continue
        wanted = autoscaler_of({"apiVersion": "keda.sh/v1alpha1", **scaled})
        try:
            api.apply(wanted, "keda-operator")
        except ApiError as error:
            print(f"will try {meta['namespace']}/{meta['name']} again: {error}", flush=True)
            continue
        known[meta["uid"]] = meta["generation"]
        print(f"scaling {meta['namespace']}/{wanted['spec']['scaleTargetRef']['name']}", flush=True)


def _owners(thing: dict[str, Any]) -> list[dict[str, Any]]:
    return list(thing["metadata"].get("ownerReferences", ()))


def main() -> None:
    """Runs for ever: `python -m lab.keda KUBECONFIG`."""
    api = Api(connection(Path(sys.argv[1]), ADMIN_CONTEXT))
    known: dict[str, int] = {}
    while True:
        try:
            keep(api, known)
        except (ApiError, Unreachable) as error:
            print(f"will try again: {error}", flush=True)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()

"""The DestinationRule of a service: its subsets, and how proxies spread requests over their pods (rules 7 and 19)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollout.fields import present
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.versions import CANARY_FIRST, CANARY_VERSION, FALLBACK_SUBSET, SUBSETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rollout.spec.routes import CanaryFallback, TrafficPolicy
    from rollout.traffic.write import Routed


def destination_rule_spec(routed: Routed, weight: int) -> dict[str, Any]:
    """All subsets, always: where routes lead to them a rollout never changes this (rule 7; argo-rollouts#2507).

    Callers of a service without routes choose no subset, so there the rule itself falls back: pods that fail are left
    out, and at full weight the canary's come first. It leaves them out at weight 0, too: a rule that changes makes
    Envoy give up the calls of the gateway's filter that are under way.

    Args:
        routed: The service.
        weight: The canary's weight in per cent.
    """
    policy = routed.service.traffic_policy
    assert policy is not None  # the model refuses a service that is reached and has none
    fallback = policy.fallback if routed.service.by_selector else None
    return {
        "host": routed.host,
        "trafficPolicy": present(
            loadBalancer=_balancer(policy, canary_first=fallback is not None and weight == FULL_WEIGHT),
            connectionPool=_limits(policy) or None,
            outlierDetection=_left_out(fallback) if fallback else None,
        ),
        "subsets": [
            *({"name": name, "labels": {"version": version}} for name, version in SUBSETS.items()),
            *_fallback_subset(routed, policy),
        ],
    }


def _fallback_subset(routed: Routed, policy: TrafficPolicy) -> Iterator[dict[str, Any]]:
    """The canary's pods, and behind them stable's (rule 19).

    Envoy falls over inside a cluster alone, so both are in one: `failoverPriority` makes the canary's pods
    priority 0 and stable's priority 1. istiod sets priorities only where outlier detection is on, which takes
    out pods that answer with errors. Below the least share of healthy pods Envoy sends to all of them, so an
    outage that both versions share costs no more than without (panic; envoyproxy.io, load balancing, panic threshold).

    Turned off it is the canary alone: the routes that still name it move later, once pods are ready (rule 7).
    """
    fallback = policy.fallback
    if not routed.service.by_weight:
        return
    if fallback is None:
        yield {"name": FALLBACK_SUBSET, "labels": {"version": CANARY_VERSION}}
        return
    yield {
        "name": FALLBACK_SUBSET,
        "labels": {"app": routed.name},
        "trafficPolicy": {
            "loadBalancer": _balancer(policy, canary_first=True),
            "connectionPool": _soon_connected(policy, fallback),
            "outlierDetection": _left_out(fallback) | _connections_apart(fallback),
        },
    }


def _balancer(policy: TrafficPolicy, *, canary_first: bool) -> dict[str, Any]:
    own = {"localityLbSetting": {"enabled": True, "failoverPriority": list(CANARY_FIRST)}}
    return {"simple": policy.load_balancer, **(own if canary_first else {})}


def _limits(policy: TrafficPolicy) -> dict[str, Any]:
    pool = policy.connection_pool
    return pool.model_dump(by_alias=True, exclude_none=True) if pool else {}


def _soon_connected(policy: TrafficPolicy, fallback: CanaryFallback) -> dict[str, Any]:
    """The service's own limits, whole, since those of a subset take their place (istiod merges no deeper)."""
    limits = _limits(policy)
    return limits | {"tcp": limits.get("tcp", {}) | {"connectTimeout": fallback.connect_timeout}}


def _left_out(fallback: CanaryFallback) -> dict[str, Any]:
    """Which pods get nothing for a while."""
    return {
        "consecutive5xxErrors": fallback.consecutive_errors,
        "interval": fallback.interval,
        "baseEjectionTime": fallback.ejection_time,
        "maxEjectionPercent": 100,
        "minHealthPercent": fallback.least_healthy_percent,
    }


def _connections_apart(fallback: CanaryFallback) -> dict[str, Any]:
    """Of a pod that takes no connection the second failure is enough, so that Istio's second retry meets stable.

    Not where a caller tries once, as the gateway's filter does: counted apart, each new call to a pod that never
    answers is a success of its connection, and sets the count of those that timed out back to 0 (Envoy 1.40, seen at
    33 calls/s).
    """
    return {
        "splitExternalLocalOriginErrors": True,
        "consecutiveLocalOriginFailures": fallback.connection_failures,
    }

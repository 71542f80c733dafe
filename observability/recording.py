"""Recording rules: what alerts and the dashboard are made of, by service, namespace and version.

Istio reports each request twice; which report counts depends on the service (`eco2/prometheus.py` says why). The
rules choose, as the commands do, so that whoever reads their series need not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eco2.istio_metrics import GRPC_FAILURES, selector
from observability.promql import (
    ANSWERED,
    AVAILABLE,
    BOTH,
    CANARY,
    CANARYS,
    CREATED,
    EXPECTED,
    FAILED,
    FAILED_RATIO,
    FAILED_VARIANCE,
    HEADER_RULES,
    LEAST_WEIGHT,
    MOST_WEIGHT,
    REQUESTS,
    SERVICE,
    SETTLED_WEIGHT,
    SHARE,
    STABLE,
    STABLE_RATIO,
    STABLE_VARIANCE,
    WINDOW,
    any_of,
    either,
    indented,
    labels,
    renamed,
)
from observability.route_weights import HEADER_RULE, ROUTE_WEIGHT
from rollout.guards.fallen_back import FEWEST_REQUESTS
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.names import canary_name, mesh_name
from rollout.traffic.versions import CANARY_VERSION, STABLE_SUBSET, STABLE_VERSION, TO_CANARY

if TYPE_CHECKING:
    from observability.watched import Watched

REMEMBERED: Final = "1d"
"""How long it is remembered what stable did before the canary had all requests."""

SETTLED: Final = "6m"
"""A weight is held against requests once it has been there for the whole window, and a minute for proxies to follow."""

ISTIO_NAMES: Final = {
    "destination_service_name": "service",
    "destination_service_namespace": "namespace",
    "destination_version": "version",
}


def recording_rules(watched: Watched) -> list[dict[str, Any]]:
    """All of them, in the order of their dependence."""
    return [
        *(_requests(watched) if watched.answering else ()),
        *(_weights(watched) if watched.routed else ()),
        *_canaries(watched),
    ]


def counted(
    watched: Watched, metric: str, by: str, *, failed: bool = False, function: str, more: str = ""
) -> str:
    """A sum over the report that counts for each service.

    Args:
        watched: The services.
        metric: One of Istio's, by its name.
        by: The labels that are kept.
        failed: Only requests that ended with a server error.
        function: What is done with each series, which `{}` stands for: `rate({}[1m])`.
        more: Further matchers.
    """
    found = []
    for names, grpc in ((watched.routed, False), (watched.selected, True)):
        if not names:
            continue
        kinds = [selector({name: watched.services[name] for name in names}, grpc=grpc)]
        if failed:
            kinds.append(f'grpc_response_status=~"{GRPC_FAILURES}"' if grpc else 'response_code=~"5.."')
        inside = ",".join([*kinds, *([more] if more else [])])
        found.append(f"sum by ({by}) (\n{indented(function.format(f'{metric}{{{inside}}}'))}\n)")
    return either(*found)


def _requests(watched: Watched) -> list[dict[str, Any]]:
    """Requests, failed ones and their shares."""
    by = ", ".join(ISTIO_NAMES)

    def named(*, failed: bool) -> str:
        inner = counted(watched, REQUESTS, by, failed=failed, function=f"increase({{}}[{WINDOW}])")
        return f"sum by ({SERVICE}, version) (\n{indented(renamed(inner, ISTIO_NAMES))}\n)"

    known = f"({ANSWERED}{{{STABLE}}} >= {FEWEST_REQUESTS})"
    return [
        _record(ANSWERED, named(failed=False)),
        _record(FAILED, either(named(failed=True), f"{ANSWERED} * 0")),
        _record(FAILED_RATIO, f"clamp_max({FAILED} / ({ANSWERED} > 0), 1)"),
        _record(FAILED_VARIANCE, f"{FAILED_RATIO} * (1 - {FAILED_RATIO}) / ({ANSWERED} > 0)"),
        # At full weight stable answers nothing: the canary is compared with what stable did before.
        *(
            _record(name, f"sum by ({SERVICE}) (\n  {of}{{{STABLE}}}\n  and {known}\n)")
            for name, of in ((STABLE_RATIO, FAILED_RATIO), (STABLE_VARIANCE, FAILED_VARIANCE))
        ),
        _record(BOTH, f'sum by ({SERVICE}) ({ANSWERED}{{version=~"{STABLE_VERSION}|{CANARY_VERSION}"}})'),
        _record(CANARYS, either(f"sum by ({SERVICE}) ({ANSWERED}{{{CANARY}}})", f"{BOTH} * 0")),
        _record(SHARE, f"{CANARYS} / ({BOTH} > 0)"),
    ]


def _weights(watched: Watched) -> list[dict[str, Any]]:
    """What routes send to canaries. Two copies of the exporter say the same, so the highest is taken of each route."""
    own = labels(
        {
            "virtualservice": f'=~"({any_of(watched.routed)})({mesh_name("")})?"',
            "namespace": f'=~"{any_of(watched.namespaces(watched.routed))}"',
        }
    )
    each = "max by (namespace, virtualservice, rule)"
    route = either(
        f'{each} ({ROUTE_WEIGHT}{{{own},subset=~"{any_of(sorted(TO_CANARY))}"}})',
        f'{each} ({ROUTE_WEIGHT}{{{own},subset="{STABLE_SUBSET}"}}) * 0',
    )
    header = f'{each} ({HEADER_RULE}{{{own},subset=~"{any_of(sorted(TO_CANARY))}"}})'
    return [
        _record(LEAST_WEIGHT, f"min by ({SERVICE}) (\n{indented(_owned(route, 'virtualservice'))}\n)"),
        _record(MOST_WEIGHT, f"max by ({SERVICE}) (\n{indented(_owned(route, 'virtualservice'))}\n)"),
        _record(HEADER_RULES, f"count by ({SERVICE}) (\n{indented(_owned(header, 'virtualservice'))}\n)"),
        _record(
            SETTLED_WEIGHT,
            f"(\n  min_over_time({LEAST_WEIGHT}[{SETTLED}])\n  and {LEAST_WEIGHT} offset {SETTLED}\n) / {FULL_WEIGHT}",
        ),
        _record(EXPECTED, f"{BOTH} * {SETTLED_WEIGHT}"),
    ]


def _canaries(watched: Watched) -> list[dict[str, Any]]:
    """The canaries' Deployments."""
    names = any_of(watched.services)
    own = labels(
        {
            "deployment": f'=~"({names}){canary_name("")}"',
            "namespace": f'=~"{any_of(watched.namespaces(watched.services))}"',
        }
    )

    def of(metric: str) -> str:
        inner = _owned(f"max by (namespace, deployment) ({metric}{{{own}}})", "deployment")
        return f"max by ({SERVICE}) (\n{indented(inner)}\n)"

    return [
        _record(CREATED, of("kube_deployment_created")),
        _record(AVAILABLE, of("kube_deployment_status_replicas_available")),
    ]


def _owned(expression: str, label: str) -> str:
    """With the service that an object belongs to, by the name that a label holds."""
    inner = indented(expression)
    return f'label_replace(\n{inner},\n  "service", "$1", "{label}", "(.+?)(?:{canary_name("")}|{mesh_name("")})?"\n)'


def _record(name: str, expression: str) -> dict[str, Any]:
    return {"record": name, "expr": expression}

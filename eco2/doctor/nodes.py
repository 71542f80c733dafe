"""Nodes of every domain: their label brings its pods there, their taint keeps all others away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eco2.doctor.finding import fine, missing, warning
from rollout.marks import DOMAIN_LABEL as LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient

NODES = "nodes"
GROUP_LABEL = "eks.amazonaws.com/nodegroup"


def nodes(
    cluster: ClusterClient, domains: Iterable[str], smallest: Mapping[str, int], stack: str, context: str
) -> list[CheckResult]:
    """Looks at every domain.

    Args:
        cluster: The cluster.
        domains: The domains of the services.
        smallest: The fewest nodes of a domain by the stack's settings.
        stack: The stack, for commands.
        context: The context, for commands.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    there, domains = cluster.list("/api/v1/nodes"), tuple(domains)
    if not any(LABEL in _labels(node) for node in there):
        what = f"no node has the label {LABEL}, so pods of {', '.join(domains)} stay Pending"
        return [
            missing(NODES, f"{what}; the first update makes the node groups", f"pulumi up --stack {stack}")
        ]
    found = []
    for domain in domains:
        labelled = [node for node in there if _labels(node).get(LABEL) == domain]
        tainted = [node for node in there if _tainted(node, domain)]
        problems = [
            *_without_label([node for node in tainted if node not in labelled], domain, stack, context),
            *_without_taint([node for node in labelled if node not in tainted], domain, stack, context),
            *_not_ready(labelled, domain, context),
        ]
        if not labelled and not problems:
            problems = [_none(domain, smallest.get(domain, 0), stack)]
        found += problems or [fine(NODES, f"{domain}: {len(labelled)}, with label and taint")]
    return found


def _without_label(bare: list[dict[str, Any]], domain: str, stack: str, context: str) -> list[CheckResult]:
    if not bare:
        return []
    what = f"{domain}: {_named(bare)} have the taint and lack the label {LABEL}={domain}: no pod goes there"
    now = f"kubectl --context {context} label nodes {_names(bare)} {LABEL}={domain} --overwrite"
    return [missing(NODES, what, f"{now}, and for the node group: pulumi up --refresh --stack {stack}")]


def _without_taint(bare: list[dict[str, Any]], domain: str, stack: str, context: str) -> list[CheckResult]:
    if not bare:
        return []
    taint = f"{LABEL}={domain}:NoSchedule"
    what = f"{domain}: {_named(bare)} lack the taint {taint}: pods of other domains may land there"
    now = f"kubectl --context {context} taint nodes {_names(bare)} {taint} --overwrite"
    return [missing(NODES, what, f"{now}, and for the node group: pulumi up --refresh --stack {stack}")]


def _not_ready(own: list[dict[str, Any]], domain: str, context: str) -> list[CheckResult]:
    sick = [
        node
        for node in own
        if not any(
            one["type"] == "Ready" and one["status"] == "True"
            for one in node.get("status", {}).get("conditions", ())
        )
    ]
    if not sick:
        return []
    look = f"kubectl --context {context} describe nodes {_names(sick)}"
    return [warning(NODES, f"{domain}: {_named(sick)} not ready", look)]


def _none(domain: str, smallest: int, stack: str) -> CheckResult:
    if not smallest:
        return warning(NODES, f"{domain}: no node; its group may shrink to 0, and the autoscaler adds one")
    what = f"{domain}: no node with the label {LABEL}={domain}, so its pods stay Pending"
    return missing(NODES, what, f"pulumi up --stack {stack}")


def _labels(node: dict[str, Any]) -> dict[str, str]:
    return node["metadata"].get("labels") or {}


def _tainted(node: dict[str, Any], domain: str) -> bool:
    return any(
        (one["key"], one.get("value"), one["effect"]) == (LABEL, domain, "NoSchedule")
        for one in node["spec"].get("taints", ())
    )


def _names(some: list[dict[str, Any]]) -> str:
    return " ".join(node["metadata"]["name"] for node in some)


def _named(some: list[dict[str, Any]]) -> str:
    """Nodes with the groups that they belong to."""
    groups = sorted({group for node in some if (group := _labels(node).get(GROUP_LABEL))})
    of = f" of node group {', '.join(groups)}" if groups else ""
    return f"{len(some)} nodes{of} ({', '.join(node['metadata']['name'] for node in some)})"

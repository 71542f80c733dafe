"""What the platform brings: rights, Istio, KEDA, the gateway, sidecars."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from eco2.background import each
from eco2.doctor.finding import fine, missing, warning
from eco2.sidecars import NAMESPACES, bare
from kube.errors import NotServedError
from kube.kinds import path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient
    from rollout.spec.catalog import Catalog

RIGHTS, ISTIO, KEDA = "rights", "Istio", "KEDA"
CHANGE = ("create", "get", "list", "watch", "patch", "delete")
LOOK = ("get", "list", "watch")
CHANGED = (
    ("", "services"),
    ("apps", "deployments"),
    ("policy", "poddisruptionbudgets"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("keda.sh", "scaledobjects"),
    ("networking.istio.io", "virtualservices"),
    ("networking.istio.io", "destinationrules"),
)
LOOKED_AT = (
    ("", "namespaces"),
    ("", "pods"),
    ("", "events"),
    ("apps", "replicasets"),
    ("", "persistentvolumeclaims"),
)
WATCHED = frozenset({"deployments", "replicasets", "pods", "persistentvolumeclaims"})
"""What Pulumi's plugin watches while it waits for a Deployment, whether there are volume claims or not."""
CLUSTER_WIDE = ("namespaces",)
ISTIO_HELM = (
    "helm repo add istio https://istio-release.storage.googleapis.com/charts && "
    "helm install istio-base istio/base -n istio-system --create-namespace && "
    "helm install istiod istio/istiod -n istio-system"
)
KEDA_HELM = (
    "helm repo add kedacore https://kedacore.github.io/charts && "
    "helm install keda kedacore/keda -n keda --create-namespace"
)
AT_ONCE = 8


@dataclass(frozen=True)
class Right:
    """One thing to be allowed."""

    verb: str
    group: str
    resource: str

    @property
    def kind(self) -> str:
        """The resource as kubectl writes it."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def rights(cluster: ClusterClient, catalog: Catalog, context: str) -> list[CheckResult]:
    """Whether the user may do what an update does, everywhere or in every namespace of the services.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    needed = [Right(verb, *kind) for kind, verb in product(CHANGED, CHANGE)]
    needed += [Right(verb, *kind) for kind, verb in product(LOOKED_AT, LOOK)]
    refused = _refused(cluster, [(right, "") for right in needed])
    denied = [pair for pair in refused if pair[0].resource in CLUSTER_WIDE]
    elsewhere = [right for right, _ in refused if right.resource not in CLUSTER_WIDE]
    denied += _refused(cluster, list(product(elsewhere, catalog.namespaces)))
    there = {name for _, name in cluster.names("/api/v1/namespaces")}
    own = [Right(verb, "", "namespaces") for verb in ("patch", "delete")]
    needed += own
    denied += _refused(cluster, list(product(own, there & set(catalog.namespaces))))
    if set(catalog.namespaces) - there:
        create = Right("create", "", "namespaces")
        needed.append(create)
        denied += _refused(cluster, [(create, "")])
    if not denied:
        return [fine(RIGHTS, f"all {len(needed)} that updates need")]
    return [_denied(kind, denied, context) for kind in sorted({right.kind for right, _ in denied})]


def _refused(cluster: ClusterClient, wanted: Sequence[tuple[Right, str]]) -> list[tuple[Right, str]]:
    """Those of some rights and namespaces that the user does not have; an empty namespace means all.

    A right to namespaces is one to those of that name.
    """

    def may(pair: tuple[Right, str]) -> bool:
        right, place = pair
        if right.resource in CLUSTER_WIDE:
            return cluster.may(right.verb, right.group, right.resource, name=place)
        return cluster.may(right.verb, right.group, right.resource, place)

    return [pair for pair, allowed in zip(wanted, each(may, wanted, AT_ONCE), strict=True) if not allowed]


def _denied(kind: str, denied: Iterable[tuple[Right, str]], context: str) -> CheckResult:
    own = [(right, namespace) for right, namespace in denied if right.kind == kind]
    verbs = ",".join(dict.fromkeys(right.verb for right, _ in own))
    places = ", ".join(sorted({namespace for _, namespace in own if namespace})) or "the cluster"
    grant = (
        f"kubectl --context {context} apply -f docs/iam/rbac.yaml, and put the user into the group eco2-deploy "
        "(docs/eks.md)"
    )
    what = f"this context's user may not {verbs} {kind} in {places}"
    if any(right.resource in WATCHED and right.verb in ("list", "watch") for right, _ in own):
        what += "; an update would wait for its first Deployment for ever, without a word"
    return missing(RIGHTS, what, grant)


def istio(cluster: ClusterClient, catalog: Catalog, host: str | None, context: str) -> list[CheckResult]:
    """Istio's definitions, the gateway that `services.yaml` names, and sidecars.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    served = _served(cluster, "/apis/networking.istio.io/v1")
    lacking = [kind for kind in ("VirtualService", "DestinationRule", "Gateway") if kind not in served]
    if lacking:
        what = f"the cluster knows no {', '.join(lacking)} of networking.istio.io/v1"
        found = [missing(ISTIO, what, ISTIO_HELM)]
    else:
        found = [fine(ISTIO, "definitions of networking.istio.io/v1")]
    if "Gateway" in served:
        found.append(_gateway(cluster, catalog.gateway, host, context))
    return [*found, *_injection(cluster, catalog, context)]


def _served(cluster: ClusterClient, path: str) -> set[str]:
    try:
        return {one["kind"] for one in (cluster.get(path) or {}).get("resources", ())}
    except NotServedError:
        return set()


def _gateway(cluster: ClusterClient, gateway: str, host: str | None, context: str) -> CheckResult:
    namespace, name = gateway.split("/")
    live = cluster.get(path("Gateway", namespace, name))
    if live is None:
        look = f"kubectl --context {context} get gateways.networking.istio.io --all-namespaces"
        return missing(ISTIO, f"no gateway {gateway}, which services.yaml names", look)
    hosts = [one for server in live["spec"].get("servers", ()) for one in server.get("hosts", ())]
    if host and not any(_takes(one, host) for one in hosts):
        what = f"gateway {gateway} does not take {host}; it takes {', '.join(hosts) or 'nothing'}"
        edit = f"kubectl --context {context} -n {namespace} edit gateways.networking.istio.io {name}"
        return missing(ISTIO, what, edit)
    return fine(ISTIO, f"gateway {gateway}" + (f" takes {host}" if host else ""))


def _takes(pattern: str, host: str) -> bool:
    own = pattern.rpartition("/")[2]
    return own in ("*", host) or (own.startswith("*.") and host.endswith(own[1:]))


def _injection(cluster: ClusterClient, catalog: Catalog, context: str) -> list[CheckResult]:
    """Without sidecars the routes bind the gateway, and no caller inside the mesh."""
    hooks = cluster.names("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations")
    if not any(name.startswith(("istio-sidecar-injector", "istio-revision-tag")) for _, name in hooks):
        what = "nothing injects sidecars: calls inside the mesh reach stable and canary by the number of pods"
        return [warning(ISTIO, what, "helm upgrade --install istiod istio/istiod -n istio-system")]
    if without := bare(cluster.list(NAMESPACES), catalog.namespaces):
        names = " ".join(without)
        label = f"kubectl --context {context} label namespace {names} istio-injection=enabled --overwrite"
        return [
            missing(ISTIO, f"no sidecars in {', '.join(without)}: calls from there ignore the routes", label)
        ]
    return [fine(ISTIO, "sidecars are injected")]


def keda(cluster: ClusterClient, catalog: Catalog) -> list[CheckResult]:
    """KEDA's definitions, if a service scales by them.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    users = [name for name, one in catalog.services.items() if one.autoscaler and one.autoscaler.keda]
    if not users:
        return []
    if "ScaledObject" not in _served(cluster, "/apis/keda.sh/v1alpha1"):
        what = f"the cluster knows no ScaledObject of keda.sh/v1alpha1, by which {', '.join(users)} scale"
        return [missing(KEDA, what, KEDA_HELM)]
    return [fine(KEDA, "definitions of keda.sh/v1alpha1")]

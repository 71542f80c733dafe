"""What autoscalers of this cluster can remember of a rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.doctor.finding import fine, warning
from kube.tolerance import keeps_tolerance

if TYPE_CHECKING:
    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient
    from rollout.spec.catalog import Catalog

AUTOSCALERS = "autoscalers"


def autoscalers(cluster: ClusterClient, catalog: Catalog) -> list[CheckResult]:
    """Whether the cluster keeps the tolerance of a frozen autoscaler, by kind.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    scaled = [one.autoscaler for one in catalog.services.values() if one.autoscaler]
    kinds = {one.kind for one in scaled}
    return [
        _found(kind, keeps=keeps_tolerance(cluster, kind, catalog.namespaces[0])) for kind in sorted(kinds)
    ]


def _found(kind: str, *, keeps: bool) -> CheckResult:
    if keeps:
        return fine(AUTOSCALERS, f"a {kind} keeps its scale-down tolerance")
    remedy = "nothing has to be done; Kubernetes 1.35 and later keeps it"
    if kind == "ScaledObject":
        remedy += ", and a KEDA whose definitions know the field"
    what = (
        f"this cluster keeps no scale-down tolerance of a {kind}: stable keeps its pods while a canary carries "
        "weight, and may lose some by its scale-down policy right after a rollback, until its metrics catch up"
    )
    return warning(AUTOSCALERS, what, remedy)

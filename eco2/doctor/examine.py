"""All checks of a stack, each going on where another failed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eco2.background import Later
from eco2.doctor import pulumi
from eco2.doctor.autoscalers import AUTOSCALERS, autoscalers
from eco2.doctor.files import connect, read_files
from eco2.doctor.finding import asked, unchecked
from eco2.doctor.istiod import istiod
from eco2.doctor.nodes import NODES, nodes
from eco2.doctor.platform import ISTIO, KEDA, RIGHTS, istio, keda, rights
from eco2.doctor.references import GROUP as REFERENCES
from eco2.doctor.references import references
from eco2.doctor.routes import ROUTES, routes
from eco2.doctor.users import USERS, users
from rollout.spec.services import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from eco2.doctor.finding import CheckResult
    from rollout.spec.service import ServiceSpec


def examine(project: Path, stack: str) -> list[CheckResult]:
    """Looks at everything that updates of a stack need; changes nothing and never raises.

    Returns:
        The findings, those of a group one after the other.
    """
    beside = Later(partial(pulumi.examine, project, stack))
    known, found = read_files(project, stack)
    cluster, connection = connect(known)
    found += connection
    catalog, settings, context = known.catalog, known.settings, known.context
    if cluster is None or catalog is None:
        why = "the cluster cannot be asked" if cluster is None else "services.yaml cannot be used"
        groups = (RIGHTS, ISTIO, ROUTES, KEDA, AUTOSCALERS, NODES, REFERENCES, USERS)
        return [*beside.result(), *found, *(unchecked(group, why) for group in groups)]
    services: dict[str, ServiceSpec] = dict(catalog.services)
    if settings:
        services = {name: wanted.service for name, wanted in resolve(catalog, settings).items()}
    host = settings.host if settings else None
    smallest = {domain: size.min for domain, size in settings.node_groups.items()} if settings else {}
    checks = (
        (RIGHTS, partial(rights, cluster, catalog, context)),
        (ISTIO, partial(istio, cluster, catalog, host, context)),
        # By itself: who may not look at Deployments there hears of all else.
        (ISTIO, partial(istiod, cluster, context)),
        (ROUTES, partial(routes, cluster, catalog, host, context)),
        (KEDA, partial(keda, cluster, catalog)),
        (AUTOSCALERS, partial(autoscalers, cluster, catalog)),
        (NODES, partial(nodes, cluster, catalog.domains, smallest, stack, context)),
        (REFERENCES, partial(references, cluster, catalog, services, context)),
        (USERS, partial(users, cluster, services, catalog.gateway, context)),
    )
    for group, check in checks:
        found += asked(group, check)
    return [*beside.result(), *found]

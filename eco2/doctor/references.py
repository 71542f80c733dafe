"""ConfigMaps and Secrets that the services refer to, and that others own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.doctor.finding import fine, warning
from kube.kinds import path
from rollout.spec.variables import ConfigMapValue, SecretValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient
    from rollout.spec.catalog import Catalog
    from rollout.spec.service import ServiceSpec
    from rollout.spec.workload import Workload

GROUP = "ConfigMaps and Secrets"


def references(
    cluster: ClusterClient, catalog: Catalog, services: dict[str, ServiceSpec], context: str
) -> list[CheckResult]:
    """Names what is missing, by service. Only names are read: no Secret is opened.

    Args:
        cluster: The cluster.
        catalog: Names the Secret to pull images with.
        services: The services with what the stack has different.
        context: The context, for commands.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    there = {("ConfigMap", *one) for one in cluster.names(path("ConfigMap"))}
    there |= {("Secret", *one) for one in cluster.names(path("Secret"))}
    found, without_login = [], dict[str, list[str]]()
    for name, service in services.items():
        space = service.namespace
        wanted = dict.fromkeys(
            one for part in (service, *service.companions.values()) for one in needed(part)
        )
        lacking = [(kind, one) for kind, one in wanted if (kind, space, one) not in there]
        if lacking:
            named = ", ".join(f"{kind} {one}" for kind, one in lacking)
            what = f"{name}: {named} missing in namespace {space}"
            what += "; its pods would stay in CreateContainerConfigError"
            create = [f"kubectl --context {context} -n {space} create {_create(*one)}" for one in lacking]
            found.append(warning(GROUP, what, " && ".join(create)))
        if ("Secret", space, catalog.registry.pull_secret) not in there:
            without_login.setdefault(space, []).append(name)
    if without_login:
        found.append(_without_login(catalog.registry.pull_secret, without_login, context))
    return found or [fine(GROUP, "everything that services.yaml refers to")]


def _create(kind: str, name: str) -> str:
    return f"{'secret generic' if kind == 'Secret' else 'configmap'} {name} --from-env-file=FILE"


def _without_login(secret: str, users: dict[str, list[str]], context: str) -> CheckResult:
    """One line for the one Secret that every service needs."""
    where = "; ".join(f"{space} ({', '.join(names)})" for space, names in users.items())
    create = f"kubectl --context {context} -n $ns create secret docker-registry {secret}"
    return warning(
        GROUP,
        f"Secret {secret} missing in {where}: private images would stay in ImagePullBackOff",
        f"for ns in {' '.join(users)}; do {create} --docker-username=USER --docker-password=TOKEN; done",
    )


def needed(workload: Workload) -> Iterator[tuple[str, str]]:
    """Kind and name of what a container's environment is made of."""
    for source in workload.env_from:
        yield ("Secret", source.secret) if source.secret else ("ConfigMap", source.config_map or "")
    for value in workload.env.values():
        if isinstance(value, SecretValue):
            yield "Secret", value.secret.name
        elif isinstance(value, ConfigMapValue):
            yield "ConfigMap", value.config_map.name

"""Pods: one function of one spec for stable and canary (rule 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.fields import present
from rollout.spec.image import REVISION_ANNOTATION
from rollout.spec.variables import OTEL_SERVICE_NAME, RELEASE_TYPE, ConfigMapValue, SecretValue

if TYPE_CHECKING:
    from components.domain_node_group import Placement
    from rollout.plan.service_plan import Release
    from rollout.spec.probes import Probe
    from rollout.spec.security import SecurityContext
    from rollout.spec.variables import EnvValue
    from rollout.spec.workload import InitContainer, Workload
    from rollout.traffic.versions import Version

SPREAD = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(frozen=True)
class PodSpec:
    """What the pods of a Deployment are made of, the same for stable and canary.

    Attributes:
        app: Label `app` of the pods and name of the container unless the workload names another.
        workload: Container, probes, resources and the rest.
        labels: Labels of the object; the pods carry the same.
        placement: Where they may run; None: anywhere.
        pull_secret: The Secret to pull images with; empty: none.
        ready_timeout_seconds: How long a pod may take to be ready before the rollout counts as failed.
    """

    app: str
    workload: Workload
    labels: dict[str, str]
    placement: Placement | None
    pull_secret: str
    ready_timeout_seconds: int


def selector(app: str, version: str) -> dict[str, str]:
    """The labels that a Deployment selects its pods by; never changes, since a change replaces it (rule 1)."""
    return {"app": app, "version": version}


def deployment_spec(pods: PodSpec, release: Release) -> dict[str, Any]:
    """The spec of a Deployment.

    The number of pods is the plan's; where an autoscaler owns it, whoever declares the Deployment
    ignores changes of it.
    """
    return present(
        replicas=release.replicas,
        revisionHistoryLimit=3,
        progressDeadlineSeconds=pods.ready_timeout_seconds,
        selector={"matchLabels": selector(pods.app, release.version)},
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        template=pod_template(pods, release),
    )


def service_spec(app: str, version: Version | None, workload: Workload) -> dict[str, Any]:
    """The spec of a Service.

    Args:
        app: Label `app` of its pods.
        version: Whose pods it selects; None: those of both versions.
        workload: What listens on which port.
    """
    return {
        "selector": selector(app, version) if version else {"app": app},
        "ports": [{"name": port.name, "port": port.port, "targetPort": port.port} for port in workload.ports],
    }


def pod_template(pods: PodSpec, release: Release) -> dict[str, Any]:
    """The pods of one release.

    Stable's and canary's differ in image, revision, `version` and `release` labels, OTEL_SERVICE_NAME,
    RELEASE_TYPE and, before it carries weight, a worker's queues.
    """
    workload = pods.workload
    labels = {key: value for key, value in pods.labels.items() if key != MANAGED_BY}
    labels |= {"version": release.version} | ({"release": "canary"} if release.is_canary else {})
    annotations = dict(workload.annotations)
    if release.image.revision:
        annotations[REVISION_ANNOTATION] = release.image.revision
    return {
        "metadata": present(labels=labels, annotations=annotations),
        "spec": present(
            nodeSelector=pods.placement.node_selector if pods.placement else None,
            tolerations=pods.placement.tolerations if pods.placement else None,
            imagePullSecrets=[{"name": pods.pull_secret}] if pods.pull_secret else None,
            terminationGracePeriodSeconds=workload.drain.grace_seconds,
            serviceAccountName=workload.service_account_name,
            # Whoever names an account wants its token; nobody else's pods talk to the API server.
            automountServiceAccountToken=workload.service_account_name is not None,
            securityContext={"seccompProfile": {"type": "RuntimeDefault"}},
            topologySpreadConstraints=[_spread(key, pods.app) for key in SPREAD],
            initContainers=[_init_container(container) for container in workload.init_containers],
            containers=[_container(pods, release)],
        ),
    }


def _container(pods: PodSpec, release: Release) -> dict[str, Any]:
    workload = pods.workload
    queues = ",".join(release.queues)
    pre_stop = workload.drain.pre_stop_seconds
    return present(
        name=workload.container or pods.app,
        image=release.image.reference,
        # A tag can be pushed again, and a node must not run what it happens to hold under it.
        imagePullPolicy="Always",
        command=[part.replace("{queues}", queues) for part in workload.command],
        args=[part.replace("{queues}", queues) for part in workload.args],
        ports=[{"name": port.name, "containerPort": port.port} for port in workload.ports],
        env=_environment(workload.env, release),
        envFrom=[
            {"secretRef": {"name": source.secret}}
            if source.secret
            else {"configMapRef": {"name": source.config_map}}
            for source in workload.env_from
        ],
        resources=workload.resources.model_dump(),
        startupProbe=_probe(workload.probes.startup),
        livenessProbe=_probe(workload.probes.liveness),
        readinessProbe=_probe(workload.probes.readiness),
        securityContext=_security(workload.security_context),
        # The kubelet's own sleep: images need no shell for it (Kubernetes 1.30 and later).
        lifecycle={"preStop": {"sleep": {"seconds": pre_stop}}} if pre_stop else None,
    )


def _security(context: SecurityContext) -> dict[str, Any]:
    return {"allowPrivilegeEscalation": False, **context.model_dump(by_alias=True, exclude_none=True)}


def _spread(key: str, app: str) -> dict[str, Any]:
    """Softly: where only one node has room, all pods run there. Each version counts by itself (Kubernetes 1.27)."""
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": app}},
        "matchLabelKeys": ["version"],
    }


def _environment(env: dict[str, EnvValue], release: Release) -> list[dict[str, Any]]:
    variables = [_variable(name, value) for name, value in env.items()]
    if not release.is_canary:
        return variables
    for variable in variables:
        if variable["name"] == OTEL_SERVICE_NAME:
            variable["value"] += "-canary"
    return [*variables, {"name": RELEASE_TYPE, "value": "canary"}]


def _variable(name: str, value: EnvValue) -> dict[str, Any]:
    if isinstance(value, SecretValue):
        return {"name": name, "valueFrom": {"secretKeyRef": value.secret.model_dump()}}
    if isinstance(value, ConfigMapValue):
        return {"name": name, "valueFrom": {"configMapKeyRef": value.config_map.model_dump()}}
    return {"name": name, "value": value}


def _init_container(container: InitContainer) -> dict[str, Any]:
    return present(
        name=container.name,
        image=container.image,
        command=list(container.command),
        securityContext=_security(container.security_context),
    )


def _probe(probe: Probe | None) -> dict[str, Any] | None:
    if probe is None:
        return None
    return present(
        httpGet={"path": probe.http.path, "port": probe.http.port} if probe.http else None,
        tcpSocket={"port": probe.tcp} if probe.tcp else None,
        exec={"command": list(probe.exec)} if probe.exec else None,
        initialDelaySeconds=probe.initial_delay_seconds,
        periodSeconds=probe.period_seconds,
        timeoutSeconds=probe.timeout_seconds,
        failureThreshold=probe.failure_threshold,
    )

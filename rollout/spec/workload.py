"""Containers as `services.yaml` describes them: the models of what runs in a pod."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from rollout.spec import patterns as forms
from rollout.spec.model import CpuQuantity, MemoryQuantity, Name, Strict
from rollout.spec.quantities import amount, ordered
from rollout.spec.relations import annotation_names, containers_differ, sidecar_resources, sidecar_wishes

RELEASE_TYPE = "RELEASE_TYPE"
OTEL_SERVICE_NAME = "OTEL_SERVICE_NAME"

SIDECAR_PORTS: Final = range(15000, 15100)
"""Kept by Istio for its sidecar (istio.io/latest/docs/ops/deployment/application-requirements/)."""

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=0, le=86_400)]
EnvName = Annotated[str, Field(pattern=forms.VARIABLE)]
Queue = Annotated[str, Field(pattern=forms.QUEUE)]
"""A queue's name stands in a shell command of its worker."""


class KeyReference(Strict):
    """One key of a Secret or a ConfigMap in the service's namespace.

    Attributes:
        name: The Secret's or ConfigMap's name.
        key: The key in it.
    """

    name: Name
    key: Annotated[str, Field(pattern=forms.DATA_KEY, max_length=253)]


class SecretValue(Strict):
    """A variable whose value stands in a Secret.

    Attributes:
        secret: Where the value stands.
    """

    secret: KeyReference


class ConfigMapValue(Strict):
    """A variable whose value stands in a ConfigMap.

    Attributes:
        config_map: Where the value stands.
    """

    config_map: KeyReference


EnvValue = str | SecretValue | ConfigMapValue


def _free(env: dict[str, EnvValue]) -> dict[str, EnvValue]:
    if RELEASE_TYPE in env:
        raise ValueError(
            f"{RELEASE_TYPE} is written by the program, to tell a canary from stable; leave it out"
        )
    if not isinstance(env.get(OTEL_SERVICE_NAME, ""), str):
        reason = f"{OTEL_SERVICE_NAME} must be text here, since a canary's gets a suffix"
        raise ValueError(reason)  # noqa: TRY004  # what pydantic turns into a finding
    return env


Environment = Annotated[dict[EnvName, EnvValue], AfterValidator(_free)]
"""The variables of a container."""


class EnvSource(Strict):
    """A Secret or ConfigMap whose every key becomes a variable.

    Attributes:
        secret: A Secret's name.
        config_map: A ConfigMap's name.
    """

    secret: Name | None = None
    config_map: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> EnvSource:
        if (self.secret is None) == (self.config_map is None):
            raise ValueError("name either a secret or a configMap")
        return self


class Resources(Strict):
    """Requests and limits of a container, as Kubernetes quantities.

    Attributes:
        requests: What the scheduler keeps free for it.
        limits: What it may not go beyond.
    """

    class Amounts(Strict):
        """CPU and memory.

        Attributes:
            cpu: Cores or thousandths (`150m`).
            memory: Bytes (`256Mi`).
        """

        cpu: CpuQuantity
        memory: MemoryQuantity

    requests: Amounts
    limits: Amounts

    @model_validator(mode="after")
    def _requests_within_limits(self) -> Resources:
        for what in ("cpu", "memory"):
            request, limit = getattr(self.requests, what), getattr(self.limits, what)
            if not amount(limit):
                raise ValueError(f"limits.{what} {limit} leaves nothing to run in; write what it may use")
            if not ordered(request, limit):
                raise ValueError(
                    f"requests.{what} {request} is above limits.{what} {limit}; raise the limit or lower the request"
                )
        return self


class ServicePort(Strict):
    """A port that the container listens on and that the Service shows under the same number.

    Attributes:
        name: The port's name.
        port: Its number.
    """

    name: Annotated[str, Field(pattern=forms.PORT_NAME, max_length=15)]
    port: Port

    @field_validator("port")
    @classmethod
    def _not_of_the_sidecar(cls, port: int) -> int:
        if port in SIDECAR_PORTS:
            raise ValueError(f"{port} is a port of Istio's sidecar (15000 to 15099); choose another")
        return port


class HttpProbe(Strict):
    """An HTTP GET that must answer 2xx or 3xx.

    Attributes:
        path: The path.
        port: The port.
    """

    path: Annotated[str, Field(pattern=forms.PATH)]
    port: Port


class Probe(Strict):
    """When a container counts as started, alive or ready; times in seconds, Kubernetes' defaults if left out.

    Attributes:
        http: An HTTP GET.
        tcp: A port that must accept connections.
        exec: A command that must end well.
        initial_delay_seconds: From the container's start to the first try.
        period_seconds: Between tries.
        timeout_seconds: How long a try may take.
        failure_threshold: Failures in a row that count.
    """

    http: HttpProbe | None = None
    tcp: Port | None = None
    exec: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    initial_delay_seconds: Seconds | None = None
    period_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    failure_threshold: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _exactly_one_way(self) -> Probe:
        if sum(way is not None for way in (self.http, self.tcp, self.exec)) != 1:
            raise ValueError("a probe has exactly one of http, tcp and exec")
        return self


class Probes(Strict):
    """The three probes of a container.

    Attributes:
        startup: Until it succeeds once, the others wait.
        liveness: When it fails, the container is started anew.
        readiness: While it fails, the pod gets no traffic.
    """

    startup: Probe | None = None
    liveness: Probe | None = None
    readiness: Probe | None = None


def _own_name(capability: str) -> str:
    # Runtimes put the prefix before it themselves; with it the API server refuses CAP_SYS_ADMIN, and no container
    # starts with another.
    if capability.startswith("CAP_"):
        raise ValueError(f"{capability}: write it without CAP_: {capability.removeprefix('CAP_')}")
    return capability


Capability = Annotated[str, Field(pattern=forms.CAPABILITY), AfterValidator(_own_name)]


class Capabilities(Strict):
    """Rights of root, by their names without `CAP_`.

    Attributes:
        add: Those that it gets.
        drop: Those that are taken away; `ALL` for all.
    """

    add: Annotated[tuple[Capability, ...], Field(strict=False)] | None = None
    drop: Annotated[tuple[Capability, ...], Field(strict=False)] | None = None


class SeccompProfile(Strict):
    """What a container may ask of the kernel.

    Attributes:
        type: `RuntimeDefault`, `Localhost` or `Unconfined`.
        localhost_profile: The profile's file on the node, for `Localhost`.
    """

    type: Literal["RuntimeDefault", "Localhost", "Unconfined"]
    localhost_profile: Annotated[str, Field(pattern=forms.PROFILE, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _file_where_it_is_asked_for(self) -> SeccompProfile:
        if (self.localhost_profile is not None) != (self.type == "Localhost"):
            raise ValueError("localhostProfile goes with the type Localhost, and with no other")
        return self


class SecurityContext(Strict):
    """What a container may do, in Kubernetes' words; enough for Pod Security's `restricted`.

    Attributes:
        allow_privilege_escalation: Whether it may gain rights; left out: it may not.
        capabilities: What of root's rights it has.
        read_only_root_filesystem: Whether its root is read-only.
        run_as_non_root: Whether it must not run as root.
        run_as_user: The user's number.
        run_as_group: The group's number.
        seccomp_profile: What it may ask of the kernel; left out: the pod's, `RuntimeDefault`.
    """

    allow_privilege_escalation: bool | None = None
    capabilities: Capabilities | None = None
    read_only_root_filesystem: bool | None = None
    run_as_non_root: bool | None = None
    run_as_user: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    run_as_group: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    seccomp_profile: SeccompProfile | None = None

    @model_validator(mode="after")
    def _no_root_that_is_not(self) -> SecurityContext:
        if self.run_as_non_root and self.run_as_user == 0:
            raise ValueError(
                "runAsNonRoot and runAsUser 0 (root) exclude each other; the kubelet starts no such container"
            )
        return self


class InitContainer(Strict):
    """A container that runs to its end before the service's own starts.

    Attributes:
        name: Its name.
        image: Its image, whole.
        command: What it runs.
        security_context: What it may do.
    """

    name: Name
    image: Annotated[str, Field(pattern=forms.IMAGE, max_length=1000)]
    command: Annotated[tuple[str, ...], Field(strict=False)]
    security_context: SecurityContext = SecurityContext()


class Drain(Strict):
    """How a pod leaves.

    Attributes:
        pre_stop_seconds: The pod goes on serving this long after it left the endpoints, since
            proxies learn of that a moment later.
        grace_seconds: From the deletion to SIGKILL; holds the pre-stop time and the longest
            request that must end by itself.
    """

    pre_stop_seconds: Annotated[int, Field(ge=0, le=3600)] = 5
    grace_seconds: Annotated[int, Field(ge=1, le=7200)] = 30

    @model_validator(mode="after")
    def _time_left_after_pre_stop(self) -> Drain:
        if self.grace_seconds <= self.pre_stop_seconds:
            raise ValueError(
                f"graceSeconds {self.grace_seconds} leaves nothing after preStopSeconds {self.pre_stop_seconds}"
            )
        return self


class Workload(Strict):
    """The container of a service or of its companion, and how it runs.

    Attributes:
        container: The container's name; left out: that of the service or companion.
        command: Replaces the image's entry point.
        args: Replaces the image's arguments.
        ports: What it listens on.
        replicas: Pods where no autoscaler decides.
        resources: Requests and limits.
        env: Variables.
        env_from: Secrets and ConfigMaps whose every key becomes a variable.
        probes: Its probes.
        security_context: What it may do.
        service_account_name: The account whose token its pods get; left out: none.
        init_containers: What runs before it.
        annotations: Annotations of its pods.
        drain: How its pods leave.
    """

    container: Name | None = None
    command: Annotated[tuple[str, ...], Field(strict=False)] = ()
    args: Annotated[tuple[str, ...], Field(strict=False)] = ()
    ports: Annotated[tuple[ServicePort, ...], Field(strict=False)] = ()
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    resources: Resources
    env: Environment = {}
    env_from: Annotated[tuple[EnvSource, ...], Field(strict=False)] = ()
    probes: Probes
    security_context: SecurityContext = SecurityContext()
    service_account_name: Name | None = None
    init_containers: Annotated[tuple[InitContainer, ...], Field(strict=False)] = ()
    annotations: dict[str, str] = {}
    drain: Drain = Drain()

    @field_validator("annotations")
    @classmethod
    def _sidecar_quantities(cls, annotations: dict[str, str]) -> dict[str, str]:
        # Istio refuses the pod, and long before that nobody could say whether it fits its node.
        return sidecar_wishes(sidecar_resources(annotation_names(annotations)))

    @model_validator(mode="after")
    def _containers_differ(self) -> Self:
        containers_differ(self.container, [one.name for one in self.init_containers])
        return self

    @field_validator("ports")
    @classmethod
    def _ports_differ(cls, ports: tuple[ServicePort, ...]) -> tuple[ServicePort, ...]:
        for of in ("name", "port"):
            values = [getattr(port, of) for port in ports]
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"port {of} used twice: {', '.join(twice)}")
        return ports

"""Containers as `services.yaml` describes them: the models of what runs in a pod."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from rollout.spec import patterns as forms
from rollout.spec.annotations import annotation_names, injected, sidecar_resources, sidecar_wishes
from rollout.spec.findings import wrong
from rollout.spec.model import CpuQuantity, MemoryQuantity, Name, Strict
from rollout.spec.ports import OwnPort, unlistened
from rollout.spec.probes import Probes
from rollout.spec.quantities import amount, ordered
from rollout.spec.relations import containers_differ
from rollout.spec.security import SecurityContext
from rollout.spec.variables import EnvSource, Variables

Queue = Annotated[str, Field(pattern=forms.QUEUE)]
"""A queue's name stands in a shell command of its worker."""


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
    port: OwnPort


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
    env: Variables = {}
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
        return injected(sidecar_wishes(sidecar_resources(annotation_names(annotations))))

    @model_validator(mode="after")
    def _containers_differ(self) -> Self:
        containers_differ(self.container, [one.name for one in self.init_containers])
        return self

    @model_validator(mode="after")
    def _probes_meet_ports(self) -> Self:
        asked = {name: probe.port for name, probe in self.probes.each if probe}
        if why := unlistened(asked, [one.port for one in self.ports]):
            raise wrong("probes", why)
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

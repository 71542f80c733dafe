"""What the services are, in every environment: the models of `services.yaml`.

What differs by environment stands in the stack's own file and is merged in
`rollout.spec.services`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from rollout.spec import patterns as forms
from rollout.spec.autoscaling import Autoscaler
from rollout.spec.headers import not_owned
from rollout.spec.model import Name, ServiceName, Strict
from rollout.spec.routes import Route, TrafficPolicy, each_is_reached
from rollout.spec.workload import Queue, Workload


def _own_namespace(namespace: str) -> str:
    # The program labels it for sidecars, and a destroy deletes it with everything in it.
    if namespace in ("default", "istio-system") or namespace.startswith("kube-"):
        raise ValueError(f"{namespace} belongs to the cluster; give the service a namespace of its own")
    return namespace


Domain = Annotated[Name, Field(max_length=56)]
"""A domain's name; that of its node group has 7 characters more, and EKS takes 63."""


class Service(Workload):
    """One of the services.

    Attributes:
        kind: `api`: HTTP behind the gateway, canary by weight. `grpc`: called by the gateway's own
            filter, which knows no VirtualService. `worker`: reads queues, has no Service.
        domain: The node group that its pods run on.
        tier: A label that dashboards group by.
        queues: What a worker reads; `{queues}` in its arguments is replaced by them.
        routes: What of the public host reaches it, in order.
        mesh_routes: Routes for callers inside the mesh that need more than the defaults; a route for
            everything else always follows.
        traffic_policy: Load balancing and connection pool, for both subsets.
        companions: Deployments that run stable's image beside it and have no canary.
        namespace: Where it lives.
        autoscaler: Left out: a fixed number of pods.
    """

    kind: Literal["api", "grpc", "worker"]
    namespace: Annotated[Name, AfterValidator(_own_namespace)]
    domain: Domain
    tier: Name
    queues: Annotated[tuple[Queue, ...], Field(strict=False)] = ()
    autoscaler: Autoscaler | None = None
    routes: Annotated[tuple[Route, ...], Field(strict=False)] = ()
    mesh_routes: Annotated[tuple[Route, ...], Field(strict=False)] = ()
    traffic_policy: TrafficPolicy | None = None
    companions: dict[ServiceName, Workload] = {}

    @property
    def by_weight(self) -> bool:
        """Whether routes split the traffic; elsewhere the share is the ratio of pods."""
        return self.kind == "api"

    @field_validator("routes", "mesh_routes")
    @classmethod
    def _each_is_reached(cls, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        return each_is_reached(routes)

    @model_validator(mode="after")
    def _complete_for_its_kind(self) -> Service:
        if self.kind == "worker":
            if self.ports or self.routes or self.traffic_policy:
                raise ValueError("a worker has no ports, no routes and no trafficPolicy: it reads queues")
        elif not self.ports or self.traffic_policy is None:
            raise ValueError(f"a service of kind {self.kind} needs ports and a trafficPolicy")
        if self.kind == "api" and not any(route.direct_response is None for route in self.routes):
            raise ValueError("an api needs a route that reaches it, or it is of another kind")
        if self.kind != "api" and (self.routes or self.mesh_routes):
            raise ValueError(f"a service of kind {self.kind} has no routes")
        if self.queues and "{queues}" not in " ".join((*self.command, *self.args)):
            raise ValueError("queues are given, but no argument holds {queues}")
        return self

    @model_validator(mode="after")
    def _its_use_is_measured(self) -> Service:
        if self.autoscaler and (why := self.autoscaler.measures(self.resources.requests)):
            raise ValueError(why)
        return self

    @model_validator(mode="after")
    def _triggers_find_their_variables(self) -> Service:
        # KEDA then scales nothing; what comes from a whole Secret or ConfigMap is not known here.
        if self.autoscaler is None or self.autoscaler.keda is None or self.env_from:
            return self
        for trigger in self.autoscaler.keda.triggers:
            for key, variable in trigger.metadata.items():
                if key.endswith("FromEnv") and variable not in self.env:
                    raise ValueError(f"a trigger's {key} names {variable}, which is no variable of env")
        return self


class Registry(Strict):
    """Where images come from: one repository, a tag for each service.

    Attributes:
        repository: The repository of all images.
        pull_secret: The Secret with its credentials, in every namespace.
    """

    repository: Annotated[str, Field(pattern=forms.REPOSITORY, max_length=255)]
    pull_secret: Name


class CanaryHeader(Strict):
    """The request header that always reaches the canary, by exact match.

    Attributes:
        name: The header's name.
        value: The value that reaches the canary.
    """

    name: Annotated[str, Field(pattern=forms.HEADER, max_length=64), AfterValidator(not_owned)]
    value: Annotated[str, Field(pattern=forms.HEADER_VALUE, max_length=256)]


class Catalog(Strict):
    """The whole of `services.yaml`.

    Attributes:
        part_of: Label `app.kubernetes.io/part-of` of every object.
        registry: Where images come from.
        gateway: Istio's Gateway that public routes bind to.
        canary_header: The header that reaches a canary.
        services: The services by name.
    """

    part_of: Name
    registry: Registry
    gateway: Annotated[str, Field(pattern=forms.GATEWAY)]
    canary_header: CanaryHeader
    services: Annotated[dict[ServiceName, Service], Field(min_length=1)]

    @property
    def domains(self) -> tuple[str, ...]:
        """The node groups that the services need, sorted."""
        return tuple(sorted({service.domain for service in self.services.values()}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of the services, sorted."""
        return tuple(sorted({service.namespace for service in self.services.values()}))

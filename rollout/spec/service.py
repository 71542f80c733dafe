"""What a service is: its pods, its routes and how many of them there are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from rollout.spec.autoscaling import Autoscaler
from rollout.spec.findings import wrong
from rollout.spec.judge_settings import JudgeSettings
from rollout.spec.model import Name, ServiceName
from rollout.spec.ports import misnamed
from rollout.spec.routes import Route, TrafficPolicy, each_is_reached, none_ends_a_chain
from rollout.spec.stickiness import Stickiness
from rollout.spec.workload import Queue, Workload
from rollout.traffic import kinds


class ServiceSpec(Workload):
    """A service, whatever cluster it runs in.

    Attributes:
        kind: `api`: HTTP behind the gateway, canary by weight. `grpc`: called by the gateway's own
            filter, which knows no VirtualService. `worker`: reads queues, has no Service.
        queues: What a worker reads; `{queues}` in its arguments is replaced by them.
        routes: What of the public host reaches it, in order.
        mesh_routes: Routes for callers inside the mesh that need more than the defaults; a route for
            everything else always follows.
        traffic_policy: Load balancing, connection pool, and when stable takes the canary's share.
        stickiness: How users are known who keep the version that they met; left out: each request is sent by weight.
        companions: Deployments that run stable's image beside it and have no canary.
        namespace: Where it lives.
        autoscaler: Left out: a fixed number of pods.
        judge: When its canary is well, and when it is sick.
    """

    kind: kinds.Kind
    namespace: Name
    queues: Annotated[tuple[Queue, ...], Field(strict=False)] = ()
    autoscaler: Autoscaler | None = None
    routes: Annotated[tuple[Route, ...], Field(strict=False)] = ()
    mesh_routes: Annotated[tuple[Route, ...], Field(strict=False)] = ()
    traffic_policy: TrafficPolicy | None = None
    stickiness: Stickiness | None = None
    companions: dict[ServiceName, Workload] = {}
    judge: JudgeSettings = JudgeSettings()

    @property
    def by_weight(self) -> bool:
        """Whether routes split the traffic; elsewhere the share is the ratio of pods."""
        return kinds.by_weight(self.kind)

    @property
    def by_selector(self) -> bool:
        """Whether requests meet what its Service selects, since its callers follow no route (rule 5)."""
        return kinds.by_selector(self.kind)

    @property
    def reads_queues(self) -> bool:
        """Whether it gets its work from queues, and no requests (rule 6)."""
        return kinds.reads_queues(self.kind)

    @property
    def falls_back(self) -> bool:
        """Whether stable takes the canary's share where the canary cannot (rule 19)."""
        policy = self.traffic_policy
        return policy is not None and policy.fallback is not None

    @field_validator("routes", "mesh_routes")
    @classmethod
    def _each_is_reached(cls, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        return each_is_reached(routes)

    @field_validator("mesh_routes")
    @classmethod
    def _none_ends_a_chain(cls, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        return none_ends_a_chain(routes)

    @model_validator(mode="after")
    def _complete_for_its_kind(self) -> ServiceSpec:
        if self.reads_queues:
            if self.ports or self.routes or self.traffic_policy:
                raise ValueError("a worker has no ports, no routes and no trafficPolicy: it reads queues")
        elif not self.ports or self.traffic_policy is None:
            raise ValueError(f"a service of kind {self.kind} needs ports and a trafficPolicy")
        if self.ports and (why := misnamed(self.kind, self.ports[0].name)):
            raise wrong("ports[0].name", why)
        if portless := [name for name, one in self.companions.items() if not one.ports]:
            raise wrong(f"companions.{portless[0]}.ports", "missing; its Service needs one")
        if self.by_weight and not any(route.direct_response is None for route in self.routes):
            raise ValueError("an api needs a route that reaches it, or it is of another kind")
        if not self.by_weight and (self.routes or self.mesh_routes):
            raise ValueError(f"a service of kind {self.kind} has no routes")
        if not self.by_weight and self.stickiness:
            raise ValueError(f"no route of a service of kind {self.kind} sends users; leave stickiness out")
        if self.queues and "{queues}" not in " ".join((*self.command, *self.args)):
            raise ValueError("queues are given, but no argument holds {queues}")
        return self

    @model_validator(mode="after")
    def _its_use_is_measured(self) -> ServiceSpec:
        if self.autoscaler and (why := self.autoscaler.measures(self.resources.requests)):
            raise ValueError(why)
        return self

    @model_validator(mode="after")
    def _triggers_find_their_variables(self) -> ServiceSpec:
        # KEDA then scales nothing; what comes from a whole Secret or ConfigMap is not known here.
        if self.autoscaler is None or self.autoscaler.keda is None or self.env_from:
            return self
        for trigger in self.autoscaler.keda.triggers:
            for key, variable in trigger.metadata.items():
                if key.endswith("FromEnv") and variable not in self.env:
                    raise ValueError(f"a trigger's {key} names {variable}, which is no variable of env")
        return self

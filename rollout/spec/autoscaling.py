"""Autoscalers as the catalog states them, and what a rollout makes of them.

A service is scaled by Kubernetes' HorizontalPodAutoscaler or, on outside signals, by
KEDA's ScaledObject, which keeps a HorizontalPodAutoscaler of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from rollout.spec import patterns as forms
from rollout.spec.findings import wrong
from rollout.spec.model import Name, Strict
from rollout.spec.quantities import amount

if TYPE_CHECKING:
    from rollout.spec.workload import Resources

Percent = Annotated[int, Field(ge=1, le=1000)]
Count = Annotated[int, Field(ge=1, le=1000)]
Seconds = Annotated[int, Field(ge=0, le=3600)]


class ScalingPolicy(Strict):
    """At most `value` pods, or per cent of the pods, in a period.

    Attributes:
        type: What `value` counts.
        value: How many.
        period_seconds: In how long.
    """

    type: Literal["Pods", "Percent"]
    value: Count
    period_seconds: Annotated[int, Field(ge=1, le=1800)]


class ScalingRules(Strict):
    """How fast one direction goes.

    Attributes:
        stabilization_window_seconds: How long the recommendations of the past hold.
        select_policy: Which policy counts where several apply; `Disabled` forbids this
            direction.
        policies: What is allowed.
    """

    stabilization_window_seconds: Seconds
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: Annotated[tuple[ScalingPolicy, ...], Field(strict=False, min_length=1)]


class Behavior(Strict):
    """`spec.behavior` of a HorizontalPodAutoscaler.

    Attributes:
        scale_up: The way up.
        scale_down: The way down; while a canary is in flight stable's is disabled.
    """

    scale_up: ScalingRules
    scale_down: ScalingRules


class PodsMetric(Strict):
    """A custom metric, as an average over the pods.

    Attributes:
        name: The metric's name.
        average: Its target, as an average over the pods.
    """

    name: Annotated[str, Field(pattern=forms.METRIC, max_length=253)]
    average: Count


class Hpa(Strict):
    """Scaling on what the pods use.

    Attributes:
        cpu_percent: Target utilisation of the CPU requests, in per cent.
        memory_percent: Target utilisation of the memory requests, in per cent.
        pods_metrics: Custom metrics.
        behavior: How fast it scales.
    """

    cpu_percent: Percent | None = None
    memory_percent: Percent | None = None
    pods_metrics: Annotated[tuple[PodsMetric, ...], Field(strict=False)] = ()
    behavior: Behavior

    @model_validator(mode="after")
    def _some_metric(self) -> Hpa:
        if self.cpu_percent is None and self.memory_percent is None and not self.pods_metrics:
            raise ValueError("give cpuPercent, memoryPercent or podsMetrics")
        return self


class Trigger(Strict):
    """A KEDA trigger; `metadata` is the scaler's own.

    Attributes:
        type: The scaler's name.
        metadata: Its settings.
    """

    type: Name
    metadata: dict[str, str]

    @model_validator(mode="after")
    def _some_target(self) -> Trigger:
        # KEDA refuses the ScaledObject, and long after the update (keda `cpu_memory_scaler.go`).
        if self.type in ("cpu", "memory") and not re.fullmatch("[1-9][0-9]*", self.metadata.get("value", "")):
            raise wrong(
                "metadata.value", f'a trigger of type {self.type} needs a whole number above 0 ("70")'
            )
        return self


class Fallback(Strict):
    """What KEDA does when a trigger cannot be read.

    Attributes:
        failure_threshold: After how many failures in a row.
        replicas: How many pods there are then.
    """

    failure_threshold: Count
    replicas: Count


class Keda(Strict):
    """Scaling on signals from outside the pods.

    Attributes:
        polling_interval_seconds: How often triggers are read.
        cooldown_period_seconds: How long after the last activity it may shrink to its floor.
        triggers: What it scales on.
        fallback: What happens when they cannot be read.
        behavior: Left out: Kubernetes' defaults.
    """

    polling_interval_seconds: Annotated[int, Field(ge=1, le=86_400)]
    cooldown_period_seconds: Annotated[int, Field(ge=0, le=86_400)]
    triggers: Annotated[tuple[Trigger, ...], Field(strict=False, min_length=1)]
    fallback: Fallback | None = None
    behavior: Behavior | None = None

    @field_validator("triggers")
    @classmethod
    def _triggers_differ(cls, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        if twice := [one.type for at, one in enumerate(triggers) if one in triggers[:at]]:
            raise ValueError(f"a trigger of type {twice[0]} stands here twice; leave one of them out")
        return triggers


class Bounds(Strict):
    """The lowest and the highest number of pods.

    Attributes:
        min: Fewest pods.
        max: Most pods.
    """

    min: Count
    max: Count

    @model_validator(mode="after")
    def _ordered(self) -> Bounds:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class Autoscaler(Bounds):
    """One autoscaler for one Deployment: exactly one of `hpa` and `keda`.

    Attributes:
        hpa: A HorizontalPodAutoscaler.
        keda: A ScaledObject of KEDA.
    """

    hpa: Hpa | None = None
    keda: Keda | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Autoscaler:
        if (self.hpa is None) == (self.keda is None):
            raise ValueError("an autoscaler is either hpa or keda")
        if why := self.falls_above(self.max):
            raise wrong("keda.fallback.replicas", why)
        return self

    @property
    def kind(self) -> str:
        """The kind of its object."""
        return "HorizontalPodAutoscaler" if self.hpa else "ScaledObject"

    def falls_above(self, most: int) -> str:
        """Why KEDA's fallback asks for more pods than there may be; empty if it does not."""
        fallback = self.keda.fallback if self.keda else None
        if fallback is None or fallback.replicas <= most:
            return ""
        return f"keda.fallback.replicas {fallback.replicas} is above max {most}; lower it, or raise max"

    def measures(self, requests: Resources.Amounts) -> str:
        """Why it would never scale pods that request so little; empty if it would."""
        for what in ("cpu", "memory"):
            wanted, request = getattr(self.hpa, f"{what}_percent", None), getattr(requests, what)
            if wanted is not None and not amount(request):
                return f"requests.{what} is {request}, and {what}Percent is a part of it; request some"
        return ""

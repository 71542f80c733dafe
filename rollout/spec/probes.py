"""When a container counts as started, alive or ready."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rollout.spec import patterns as forms
from rollout.spec.model import Strict
from rollout.spec.ports import OwnPort

Seconds = Annotated[int, Field(ge=0, le=86_400)]


class HttpProbe(Strict):
    """An HTTP GET that must answer 2xx or 3xx.

    Attributes:
        path: The path.
        port: The port.
    """

    path: Annotated[str, Field(pattern=forms.PATH)]
    port: OwnPort


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
    tcp: OwnPort | None = None
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

    @property
    def port(self) -> int | None:
        """The port that it asks; None for a command."""
        return self.http.port if self.http else self.tcp


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

    @property
    def each(self) -> tuple[tuple[str, Probe | None], ...]:
        """All three with their names."""
        return ("startup", self.startup), ("liveness", self.liveness), ("readiness", self.readiness)

"""The base of every model that is read from a file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from rollout.spec import patterns as forms
from rollout.spec.durations import for_istio
from rollout.spec.quantities import sensible_cpu, sensible_memory


class Strict(BaseModel):
    """Frozen, no unknown keys, no silent conversions; keys in files are camelCase.

    No conversion means that `phase: "3"` is refused: `pulumi config set --path` writes
    numbers as numbers, so text there is a slip of the hand.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, validate_default=False
    )


Name = Annotated[str, StringConstraints(pattern=forms.LABEL, max_length=63)]
"""A DNS label (RFC 1123), as Kubernetes asks of names of namespaces and services."""

Hostname = Annotated[
    str,
    StringConstraints(pattern=forms.HOST, max_length=253),
]
"""A full DNS name in lower case, without a port or a scheme."""

ServiceName = Annotated[str, StringConstraints(pattern=forms.SERVICE, max_length=47)]
"""A service's name, which a Service, labels and `keda-hpa-NAME-canary` hold: RFC 1035, and room for the rest."""

CpuQuantity = Annotated[str, StringConstraints(pattern=forms.QUANTITY), AfterValidator(sensible_cpu)]
MemoryQuantity = Annotated[str, StringConstraints(pattern=forms.QUANTITY), AfterValidator(sensible_memory)]
"""Kubernetes quantities that are not negative; the pattern is the one of the published API schemas."""

Duration = Annotated[str, StringConstraints(pattern=forms.DURATION), AfterValidator(for_istio)]
"""A duration as Istio writes it: `86400s`, `1m30s`."""

Port = Annotated[int, Field(ge=1, le=65535)]

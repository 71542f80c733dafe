"""The variables of a container, as `services.yaml` and a stack describe them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from rollout.spec import patterns as forms
from rollout.spec.model import Name, Strict

RELEASE_TYPE = "RELEASE_TYPE"
OTEL_SERVICE_NAME = "OTEL_SERVICE_NAME"

LONGEST = 128 * 1024
"""Bytes of a variable with its name and the NUL at its end (Linux `MAX_ARG_STRLEN`)."""

LARGEST = 500_000
"""Bytes of all variables: etcd takes 1.5 MB, and the API server keeps managed fields and Pulumi a copy beside them."""

EnvName = Annotated[str, Field(pattern=forms.VARIABLE)]


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
    sizes = {
        name: len(f"{name}={value}".encode(errors="replace"))
        for name, value in env.items()
        if isinstance(value, str)
    }
    if long := sorted(name for name, size in sizes.items() if size >= LONGEST):
        raise ValueError(
            f"{', '.join(long)}: Linux starts no program with a variable of {LONGEST} bytes; mount a file"
        )
    if sum(sizes.values()) > LARGEST:
        raise ValueError(
            f"{sum(sizes.values())} bytes together, and a Deployment holds {LARGEST} of them; mount a file"
        )
    return env


Variables = Annotated[dict[EnvName, EnvValue], AfterValidator(_free)]
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

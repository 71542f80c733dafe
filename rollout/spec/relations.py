"""Relations between the keys of one workload that Kubernetes, its kubelet or Istio's injection refuse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

from rollout.problems import ConfigError
from rollout.spec import patterns as forms
from rollout.spec.quantities import amount, ordered
from rollout.spec.yaml_bounds import Loader, within_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

SIDECARS: Final = ("istio-proxy", "istio-init", "istio-validation")
"""Containers that Istio adds to the pods."""

SIDECAR: Final = "sidecar.istio.io/proxy"
INJECT: Final = "sidecar.istio.io/inject"
PROXY_CONFIG: Final = "proxy.istio.io/config"
KEPT: Final = "eco2.growbin.app/"
"""The prefix of what the program writes itself."""
QUALIFIED: Final = re.compile(
    r"(?P<prefix>[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
"""The name of an annotation (apimachinery `IsQualifiedName`)."""


def annotation_names(annotations: dict[str, str]) -> dict[str, str]:
    """Annotations whose names the API server takes, and which nobody else writes.

    Raises:
        ValueError: With the name.
    """
    for name in annotations:
        if not QUALIFIED.fullmatch(name):
            raise ValueError(f"{name!r} is no annotation's name; write prefix/name (letters, digits, - _ .)")
        if name.startswith(KEPT):
            raise ValueError(f"{name} is written by the program; leave it out")
    return annotations


def sidecar_resources(annotations: dict[str, str]) -> dict[str, str]:
    """Annotations whose wishes for the sidecar are quantities, requests within limits.

    Raises:
        ValueError: With the annotation's name.
    """
    for what in ("CPU", "Memory"):
        wishes = {part: annotations.get(f"{SIDECAR}{what}{part}") for part in ("", "Limit")}
        for part, quantity in wishes.items():
            if quantity is None:
                continue
            key = f"{SIDECAR}{what}{part}"
            if not re.fullmatch(forms.QUANTITY, quantity):
                raise ValueError(f"{key} must have the form of {forms.FORMS[forms.QUANTITY]}")
            try:
                amount(quantity)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        request, limit = wishes[""], wishes["Limit"]
        if request is not None and limit is not None and not ordered(request, limit):
            raise ValueError(f"{SIDECAR}{what} {request} is above {SIDECAR}{what}Limit {limit}; lower it")
    return annotations


def sidecar_wishes(annotations: dict[str, str]) -> dict[str, str]:
    """Annotations that Istio's injection can read; where it cannot, the API server refuses every pod.

    Raises:
        ValueError: With the annotation's name.
    """
    if annotations.get(INJECT, "true") not in ("true", "false"):
        raise ValueError(f'{INJECT} must be "true" or "false"')
    if (config := annotations.get(PROXY_CONFIG)) is not None:
        try:
            within_bounds(config, PROXY_CONFIG, one_meaning=False)
            described = yaml.load(config, Loader=Loader)  # noqa: S506  # a SafeLoader
        except (ConfigError, ValueError, yaml.YAMLError):
            described = None
        if not isinstance(described, dict):
            raise ValueError(
                f"{PROXY_CONFIG} must hold a mapping of YAML or JSON, as Istio's ProxyConfig is one"
            )
    return annotations


def containers_differ(container: str | None, init_containers: Iterable[str]) -> None:
    """Refuses two containers of one name in a pod.

    Args:
        container: The container's name; None where the service or companion gives it.
        init_containers: Those of the init containers.

    Raises:
        ValueError: With the name.
    """
    seen = {*SIDECARS}
    for name in filter(None, (container, *init_containers)):
        if name in seen:
            whose = "Istio's sidecar" if name in SIDECARS else "another container of the pod"
            raise ValueError(f"the container name {name} belongs to {whose}; choose another")
        seen.add(name)

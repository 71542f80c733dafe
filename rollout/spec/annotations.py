"""Annotations of pods that the API server or Istio's injection refuse."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

import yaml

from rollout.problems import ConfigError
from rollout.spec import patterns as forms
from rollout.spec.quantities import amount, ordered
from rollout.spec.yaml_bounds import Loader, within_bounds

if TYPE_CHECKING:
    from collections.abc import Callable

SIDECAR: Final = "sidecar.istio.io/proxy"
INJECT: Final = "sidecar.istio.io/inject"
PROXY_CONFIG: Final = "proxy.istio.io/config"
KEPT: Final = "eco2.growbin.app/"
"""The prefix of what the program writes itself."""
QUALIFIED: Final = re.compile(
    r"(?P<prefix>[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
"""The name of an annotation (apimachinery `IsQualifiedName`)."""

LARGEST: Final = 256 * 1024
"""Bytes of all names and values together (apimachinery `TotalAnnotationSizeLimitB`)."""

TRAFFIC: Final = "traffic.sidecar.istio.io/"
PORT_LISTS: Final = tuple(
    f"{TRAFFIC}{way}{ports}Ports" for way in ("include", "exclude") for ports in ("Inbound", "Outbound")
)
ADDRESS_LISTS: Final = tuple(f"{TRAFFIC}{way}OutboundIPRanges" for way in ("include", "exclude"))
NUMBERS: Final = (
    "status.sidecar.istio.io/port",
    *(f"readiness.status.sidecar.istio.io/{what}" for what in ("initialDelaySeconds", "periodSeconds")),
    "readiness.status.sidecar.istio.io/failureThreshold",
)
"""What Istio's injection reads as lists of ports, of networks, and as numbers (istio `pkg/kube/inject/validate.go`)."""

EVERYTHING: Final = "*"


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
    size = sum(len(text.encode(errors="replace")) for pair in annotations.items() for text in pair)
    if size > LARGEST:
        raise ValueError(
            f"{size} bytes together, and the API server takes {LARGEST}; put long text in a ConfigMap"
        )
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


def injected(annotations: dict[str, str]) -> dict[str, str]:
    """Annotations whose ports, networks and numbers Istio's injection can read; else it refuses every pod.

    Raises:
        ValueError: With every annotation that it cannot.
    """
    found = []
    for name in sorted(annotations.keys() & {*PORT_LISTS, *ADDRESS_LISTS, *NUMBERS}):
        text = annotations[name]
        if name in NUMBERS:
            readable, form = bool(re.fullmatch("[0-9]{1,5}", text)), "a number"
        elif name in PORT_LISTS:
            readable, form = (
                _each(text, _is_port, name),
                "ports from 1 to 65535 with commas between (8080,9090)",
            )
        else:
            readable, form = _each(text, _is_network, name), "networks with commas between (10.0.0.0/8)"
        if not readable:
            found.append(f"{name} must hold {form}, not {text[:60]!r}")
    if found:
        raise ValueError("; ".join(found))
    return annotations


def _each(text: str, fits: Callable[[str], object], name: str) -> bool:
    """Whether each part of a list fits. An empty list is one, and what includes may include everything."""
    if not text or (text == EVERYTHING and name.startswith(f"{TRAFFIC}include")):
        return True
    return all(fits(one.strip()) for one in text.split(","))


def _is_port(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{1,5}", text)) and 1 <= int(text) <= 65535  # noqa: PLR2004  # the last port


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text

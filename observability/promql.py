"""Words of PromQL that several rules use, and the names of the series that they make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REQUESTS: Final = "istio_requests_total"
DURATIONS: Final = "istio_request_duration_milliseconds_bucket"
WINDOW: Final = "5m"

ANSWERED: Final = "eco2:requests:increase5m"
FAILED: Final = "eco2:requests_failed:increase5m"
FAILED_RATIO: Final = "eco2:requests_failed:ratio5m"
FAILED_VARIANCE: Final = "eco2:requests_failed:variance5m"
STABLE_RATIO: Final = "eco2:stable_failed:ratio5m"
STABLE_VARIANCE: Final = "eco2:stable_failed:variance5m"
BOTH: Final = "eco2:requests_of_both:increase5m"
CANARYS: Final = "eco2:canary_requests:increase5m"
EXPECTED: Final = "eco2:canary_requests:expected5m"
SHARE: Final = "eco2:canary_requests:ratio5m"
LEAST_WEIGHT: Final = "eco2:canary_weight:min"
MOST_WEIGHT: Final = "eco2:canary_weight:max"
SETTLED_WEIGHT: Final = "eco2:canary_weight_settled:ratio"
HEADER_RULES: Final = "eco2:canary_header_rules:count"
CREATED: Final = "eco2:canary_created:timestamp_seconds"
AVAILABLE: Final = "eco2:canary_pods_available:max"

CANARY: Final = f'version="{CANARY_VERSION}"'
STABLE: Final = f'version="{STABLE_VERSION}"'
SERVICE: Final = "service, namespace"
"""The labels that name a service in every series of the rules."""


def any_of(names: Iterable[str]) -> str:
    """Names as an alternative; DNS labels hold nothing that a pattern would take for its own."""
    return "|".join(names)


def labels(wanted: Mapping[str, str]) -> str:
    """A selector's inside: each label with its own operator, as `=~"a|b"`."""
    return ",".join(name + match for name, match in wanted.items())


def renamed(expression: str, names: Mapping[str, str]) -> str:
    """An expression with labels copied to other names.

    Args:
        expression: Any instant vector.
        names: The new label, by the old one.
    """
    for old, new in names.items():
        expression = f'label_replace(\n{indented(expression)},\n  "{new}", "$1", "{old}", "(.+)"\n)'
    return expression


def indented(text: str) -> str:
    """A text two blanks deeper."""
    return re.sub(r"(?m)^(?=.)", "  ", text)


def either(*expressions: str) -> str:
    """The union of expressions; one that is empty is left out."""
    return "\nor\n".join(one for one in expressions if one)

"""What needs no counting: a service's own checks, and how long requests take."""

from __future__ import annotations

from math import isfinite, isnan
from typing import TYPE_CHECKING, Final

from eco2.judge.questions import filled, latencies
from eco2.judge.series import VERSION, key_of, of_service
from rollout.judge.observations import Unknown
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.judge.asking import Asker, Values
    from rollout.spec.service import ServiceSpec

    Figure = float | Unknown

VERSIONS: Final[dict[str, str]] = {CANARY_VERSION: "canary", STABLE_VERSION: "stable"}


def own_checks(
    asker: Asker, services: Mapping[str, ServiceSpec]
) -> dict[str, dict[str, tuple[Figure, Figure]]]:
    """The figures of the services' own checks, by service and check: the canary's and stable's."""
    asked = {
        (name, check, version): filled(settings.query, name, version)
        for name, service in services.items()
        for check, settings in service.judge.checks.items()
        for version in VERSIONS
    }
    answers = asker.whole(asked)
    return {
        name: {
            check: (
                _figure(answers[name, check, CANARY_VERSION]),
                _figure(answers[name, check, STABLE_VERSION]),
            )
            for check in service.judge.checks
        }
        for name, service in services.items()
    }


def _figure(answer: Values | Unknown) -> Figure:
    if isinstance(answer, Unknown):
        return answer
    if len(answer) > 1:
        # Also where all but one are NaN: which of them is meant, nobody knows.
        return Unknown(f"the query gives {len(answer)} values, and not one")
    for _, value in answer:
        if not isnan(value):
            return value
    return Unknown("the query gives no value")


def quantiles(asker: Asker, kinds: Mapping[bool, Mapping[str, ServiceSpec]]) -> dict[str, dict[str, float]]:
    """How long the quantile of each service's settings took, in ms, by service and by `stable` and `canary`.

    Args:
        asker: Whom to ask.
        kinds: The services by whether only the called pods report.
    """
    asked = {
        (grpc, quantile): latencies(services, quantile, grpc=grpc)
        for grpc, services in kinds.items()
        for quantile in {one.judge.quantile for one in services.values()}
    }
    answers = asker.values(asked)
    found: dict[str, dict[str, float]] = {}
    for grpc, services in kinds.items():
        for name, service in services.items():
            answer = answers[grpc, service.judge.quantile]
            found[name] = {
                VERSIONS[labels[VERSION]]: value
                for labels, value in of_service(answer, key_of(name, service))
                if labels.get(VERSION) in VERSIONS and isfinite(value)
            }
    return found

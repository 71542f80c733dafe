"""What is asked beside the scrapes: own checks and latencies. Requests must not wait for a slow query."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from eco2.background import Later
from eco2.judge.figures import own_checks, quantiles
from rollout.judge.observations import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.judge.asking import Asker
    from rollout.spec.service import ServiceSpec

    Checks = Mapping[str, tuple[float | Unknown, float | Unknown]]
    """Own checks by name: the canary's figure and stable's."""

PATIENCE_SECONDS: Final = 2.0
"""How long a look waits for them, from its beginning on; the next one takes what comes late."""

LATE: Final = Unknown("Prometheus has not answered its query yet")


class SideQuestions:
    """The questions of a phase that are under way."""

    def __init__(
        self,
        asker: Asker,
        services: Mapping[str, ServiceSpec],
        kinds: Mapping[bool, Mapping[str, ServiceSpec]],
    ) -> None:
        """Prepares; nothing is asked yet.

        Args:
            asker: Whom to ask.
            services: The services to ask about.
            kinds: Those that requests come to, by whether only the called pods report.
        """
        self._asker, self._services, self._kinds = asker, services, kinds
        self._checking: dict[str, Later[Checks]] = {}
        self._timing: Later[dict[str, dict[str, float]]] | None = None

    def begin(self) -> None:
        """Asks for what the scrapes do not wait for; what was asked and has not come is not asked again."""
        for name, service in self._services.items():
            if service.judge.checks and name not in self._checking:
                self._checking[name] = Later(partial(_checks_of, self._asker, name, service))
        if self._timing is None:
            self._timing = Later(partial(quantiles, self._asker, self._kinds))

    def told(self, end: float) -> tuple[dict[str, Checks], dict[str, dict[str, float]]]:
        """Own checks and latencies, as far as they come in time.

        Args:
            end: By the monotonic clock, in seconds: until when to wait.
        """
        checks: dict[str, Checks] = {}
        for name, service in self._services.items():
            checks[name] = dict.fromkeys(service.judge.checks, (LATE, LATE))
            if name in self._checking and self._checking[name].wait(end - time.monotonic()):
                checks[name] = self._checking.pop(name).result()
        timed, latencies = self._timing, {}
        if timed and timed.wait(end - time.monotonic()):
            self._timing, latencies = None, timed.result()
        return checks, latencies


def _checks_of(asker: Asker, name: str, service: ServiceSpec) -> Checks:
    return own_checks(asker, {name: service})[name]

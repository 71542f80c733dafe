"""The judges of a climb, one a service that is at a phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.judge.watch import LATE
from rollout.judge.judging import Judging
from rollout.judge.observations import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.climb.site import Site
    from rollout.judge.judging import Reading
    from rollout.judge.verdict import Verdict

UNKNOWN_LOOKS = 3
"""So many looks in a row without figures are an outage, and no scrape that came late."""


class Judges:
    """What is known of each canary, and what follows from it."""

    def __init__(self, site: Site) -> None:
        """Knows nothing yet.

        Args:
            site: Tells what the services are.
        """
        self._site = site
        self._judging: dict[str, Judging] = {}
        self._readings: Mapping[str, Reading] = {}
        self._unknown = 0
        self.weights: dict[str, int] = {}

    def begin_phase(self, weights: Mapping[str, int]) -> None:
        """Another phase begins: evidence for `well` begins anew, that for `sick` goes on.

        Args:
            weights: The services that are at a phase now, with the weights of their canaries.
        """
        self.weights, self._unknown, self._readings = dict(weights), 0, {}
        self._judging = {name: self._at(name, weight) for name, weight in weights.items()}

    def _at(self, name: str, weight: int) -> Judging:
        if known := self._judging.get(name):
            return self._with_past(known.at_weight(weight))
        service = self._site.service(name)
        by_requests = not service.reads_queues
        return self._with_past(Judging.begin(name, service.judge, weight, by_requests=by_requests))

    def _with_past(self, judging: Judging) -> Judging:
        """At full weight a canary is held against what stable did before: somebody must have counted that."""
        past = self._site.earlier(judging.service) if judging.lacks_past else None
        return judging.knowing(past) if past else judging

    def after(self, readings: Mapping[str, Reading]) -> None:
        """Takes a look in."""
        self._judging = {name: self._with_past(one) for name, one in self._judging.items()}
        self._readings = readings
        for name in self.weights:
            if name in readings:
                self._judging[name] = self._judging[name].after(readings[name])
        self._unknown = self._unknown + 1 if self._lacks else 0

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What each judge says."""
        return {name: one.verdict for name, one in self._judging.items()}

    @property
    def late(self) -> bool:
        """Whether Prometheus was answering still when the last look ended."""
        return any(one.failed is LATE for one in self._readings.values())

    @property
    def outage(self) -> str:
        """Why nothing is known of requests for several looks; empty if something is."""
        return "; ".join(self._lacks) if self._unknown >= UNKNOWN_LOOKS else ""

    @property
    def _lacks(self) -> list[str]:
        found = []
        for name, reading in self._readings.items():
            failed = reading.failed
            if (
                isinstance(failed, Unknown)
                and not self._site.service(name).reads_queues
                and self.weights.get(name)
            ):
                found.append(failed.why)
        return list(dict.fromkeys(found))

    def quantile(self, name: str) -> float:
        """Which quantile the latencies of a service's figures are, in per cent."""
        return self._site.service(name).judge.quantile

    def figures(self, name: str) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        """Requests, failed ones (both since the phase began) and latency of a service, by version."""
        seen, reading = self._judging[name].seen, self._readings.get(name)
        counts = {"stable": seen.stable, "canary": seen.canary}
        requests = {version: one.requests for version, one in counts.items()}
        failed = {version: one.bad for version, one in counts.items()}
        return requests, failed, dict(reading.latency_ms) if reading else {}

"""From which duration on a request is slow, by service: a line that stable drew before it is compared with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from eco2.judge.questions import durations_before
from eco2.judge.series import ALL, BUCKET, NO_END, end_of, key_of, of_service
from rollout.judge.observations import Unknown, counts_of
from rollout.judge.scrapes import NotYet
from rollout.judge.slow import slow_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eco2.judge.asking import Asker
    from rollout.judge.observations import Counts
    from rollout.spec.service import ServiceSpec

PERCENT: Final = 100
NOT_ASKED: Final = NotYet("nobody has asked yet how long stable's requests take")


class Lines:
    """The lines of some services.

    One that is drawn is kept through all phases: at full weight the canary is compared with what stable did earlier,
    which must have been counted by the same line.
    """

    def __init__(self, asker: Asker) -> None:
        """Prepares; nothing is asked yet."""
        self._asker = asker
        self._drawing = threading.Lock()
        self._drawn: dict[str, float | Unknown] = {}
        self._ends: dict[float, str] = {ALL: "+Inf"}

    def draw(self, kinds: Mapping[bool, Mapping[str, ServiceSpec]]) -> None:
        """Draws those that are not drawn yet.

        Args:
            kinds: The services by whether only the called pods report.
        """
        # Two looks at the same time must not draw two lines for one service.
        with self._drawing:
            for grpc, services in kinds.items():
                self._draw(services, grpc=grpc)

    def _draw(self, services: Mapping[str, ServiceSpec], *, grpc: bool) -> None:
        lacking = {name: one for name, one in services.items() if isinstance(self.of(name), Unknown)}
        if not lacking:
            return
        answer = self._asker.values({grpc: durations_before(lacking, grpc=grpc)})[grpc]
        for name, service in lacking.items():
            found = list(of_service(answer, key_of(name, service)))
            self._ends |= {end_of(labels): labels.get(BUCKET, "") for labels, _ in found}
            self._drawn[name] = answer if isinstance(answer, Unknown) else _line(found, service)

    def of(self, name: str) -> float | Unknown:
        """A service's line in ms, or why there is none."""
        return self._drawn.get(name, NOT_ASKED)

    def ends(self, names: Iterable[str]) -> set[str]:
        """The upper ends of the buckets that tell slow requests of some services, as the metric writes them."""
        lines = {line for name in names if not isinstance(line := self.of(name), Unknown)}
        return {self._ends[line] for line in lines | {ALL}} if lines else set()

    def earlier(self, name: str, service: ServiceSpec) -> Counts | Unknown:
        """How many requests stable answered in the last hour, and how many of them were slow."""
        asked = {name: durations_before({name: service}, grpc=service.by_selector)}
        answer, line = self._asker.whole(asked)[name], self.of(name)
        if isinstance(answer, Unknown):
            return answer
        if isinstance(line, Unknown):
            return line
        buckets = _buckets(of_service(answer, key_of(name, service)))
        total = buckets.get(ALL, 0.0)
        return counts_of(total, total - min(buckets.get(line, 0.0), total))


def _line(found: Iterable[tuple[Mapping[str, str], float]], service: ServiceSpec) -> float | Unknown:
    buckets = _buckets(found)
    if not buckets.get(ALL):
        return NotYet("stable has answered no request in the last hour, so which ones are slow is not known")
    return slow_from(buckets, service.judge.quantile / PERCENT)


def _buckets(found: Iterable[tuple[Mapping[str, str], float]]) -> dict[float, float]:
    """Buckets by their upper ends. None may hold less than a smaller one, as estimates of a rise may have it."""
    buckets: dict[float, float] = {}
    most = 0.0
    for end, value in sorted((end_of(labels), value) for labels, value in found):
        if end != NO_END:
            most = buckets[end] = max(most, value)
    return buckets

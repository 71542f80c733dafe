"""After an advance: is the canary well? The judge looks at it for some time."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from eco2.judge.watch import LATE, NO_PROMETHEUS, Watch
from rollout.judge.judging import Judging
from rollout.judge.observations import Unknown
from rollout.judge.scrapes import NotYet
from rollout.judge.signs import pods_sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kube.cluster import ClusterClient
    from rollout.judge.comparison import Answer
    from rollout.judge.judging import Reading
    from rollout.spec.service import ServiceSpec

PAUSE_SECONDS = 2.0
LATE_SECONDS = 30.0
"""How long the end waits for a Prometheus that is slow."""


@dataclass(frozen=True)
class Health:
    """What was seen of one canary.

    Attributes:
        service: Its service.
        verdict: `not known` is neither of the others: too few requests, no pod, or no answer.
        words: The figures behind it.
        watched: Whether there was what is to be there, and whoever was asked could tell. Too few requests, or no
            pods where none are wanted, are no lack of that.
    """

    service: str
    verdict: Answer
    words: str
    watched: bool = True

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def soak(
    cluster: ClusterClient,
    services: Mapping[str, ServiceSpec],
    weights: Mapping[str, int],
    seconds: int,
    prometheus: str | None,
    say: Callable[[str], None],
) -> list[Health]:
    """Watches canaries until the time is over or one of them is sick.

    Args:
        cluster: The cluster.
        services: The services whose canaries to watch.
        weights: Their weights in per cent.
        seconds: How long.
        prometheus: The URL of a Prometheus with Istio's metrics; None looks at pods alone.
        say: Takes a line for the user.

    Returns:
        One a service.

    Raises:
        PrometheusError: If the URL is none.
    """
    began = time.monotonic()
    watch = Watch(cluster, prometheus, services)
    judged = {
        name: Judging.begin(
            name,
            service.judge,
            weights[name],
            by_requests=not service.reads_queues,
        )
        for name, service in services.items()
    }
    say(f"watching {', '.join(services)} for {seconds} s")
    while True:
        left = began + seconds - time.monotonic()
        readings = watch.look(weights)
        judged = {
            name: (one.knowing(watch.earlier(name)) if one.lacks_past else one).after(readings[name])
            for name, one in judged.items()
        }
        found = [_health(one, readings[name], asked=prometheus is not None) for name, one in judged.items()]
        # By a look that Prometheus has not answered yet nobody is well.
        late = any(one.failed is LATE for one in readings.values())
        if left <= (-LATE_SECONDS if late else 0.0) or any(one.verdict == "sick" for one in found):
            return found
        time.sleep(max(min(PAUSE_SECONDS, left), 0.0))


def _health(judged: Judging, last: Reading, *, asked: bool) -> Health:
    """What is known after the last look.

    Args:
        judged: The evidence so far.
        last: The last reading.
        asked: Whether a Prometheus was asked. Without one, pods are all that there is to judge by.
    """
    verdict = judged.verdict if asked else pods_sign(judged.pods)
    answer, told = verdict.answer, [verdict.words]
    lacking = list(_lacking(last, judged, asked=asked))
    if answer == "well" and lacking:
        # Where no user meets it yet its pods are enough, but not for who asked for more.
        answer, told = "not known", [*told, lacking[0]]
    elif answer != "sick" and judged.by_requests and not asked:
        told.append(NO_PROMETHEUS.why)
    return Health(judged.service, answer, "; ".join(told), watched=not lacking)


def _lacking(last: Reading, judged: Judging, *, asked: bool) -> Iterator[str]:
    """Why there is not what is to be there, or whoever was asked could not tell."""
    if isinstance(last.pods, Unknown):
        yield last.pods.why
    elif last.pods.lacks and not last.pods.ready:
        yield last.pods.words
    figures = [one for both in last.checks.values() for one in both]
    measures = [last.failed, last.slow, last.fallen_back] if judged.by_requests else []
    for one in (*figures, *measures) if asked else ():
        if isinstance(one, Unknown) and not isinstance(one, NotYet):
            yield one.why

"""Requests of both versions of some services, as a Prometheus counted them since the look before."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eco2.istio_metrics import by_reporter
from eco2.judge import questions
from eco2.judge.beside import PATIENCE_SECONDS, SideQuestions
from eco2.judge.lines import Lines
from eco2.judge.series import by_proxy, failed_scrapes, key_of, of_service, proxy_of, slow_scrapes
from rollout.judge.judging import Earlier
from rollout.judge.observations import Batch, Unknown, counts_of
from rollout.judge.scrapes import Gap
from rollout.judge.share import Share
from rollout.judge.tally import GONE_SECONDS, Tally
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.judge.asking import Asker
    from eco2.judge.beside import Checks
    from eco2.judge.series import Moments
    from rollout.judge.scrapes import Rise, Scrape
    from rollout.spec.service import ServiceSpec

    Proxies = Mapping[str, Moments]
    Seen = Mapping[tuple[str, str], Proxies] | Unknown
    """What was scraped of services of one kind, by service and proxy."""

PERCENT: Final = 100
SETTLE_SECONDS: Final = 5.0
"""How long after a phase began some proxies may still have the routes of the phase before."""

NO_REQUESTS: Final = Unknown("no requests come to a worker")


@dataclass(frozen=True)
class Counted:
    """What a Prometheus says of one canary, since the look before.

    Attributes:
        failed: Requests of both versions, and those that failed.
        slow: The same with those that were slow.
        fallen_back: How one sees that stable answers its share; empty where it does not, None where that is not tested.
        checks: Its own checks by name: the canary's figure and stable's.
        latency_ms: How long the quantile took, by `stable` and `canary`.
        unseen: Why some of the requests are not seen; empty if all are.
    """

    failed: Batch | Unknown
    slow: Batch | Unknown
    fallen_back: str | Unknown | None
    checks: Checks = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    unseen: str = ""

    @classmethod
    def unknown(cls, service: ServiceSpec, why: Unknown) -> Counted:
        """Nothing is known of it."""
        return cls(why, why, why, dict.fromkeys(service.judge.checks, (why, why)))


class RequestReader:
    """The requests of some services over time."""

    def __init__(
        self,
        asker: Asker,
        services: Mapping[str, ServiceSpec],
        lines: Lines | None = None,
        carrying: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    ) -> None:
        """Prepares; nothing is asked yet, and what was scraped before the first look does not count.

        Args:
            asker: Whom to ask.
            services: The services to ask about.
            lines: From when on requests are slow; None draws new ones.
            carrying: Who counted in the phase before, and is missed all the same; None: there was none.
        """
        self._asker = asker
        self._services = services
        self._kinds = by_reporter(services)
        self._lines = lines or Lines(asker)
        self._carrying = dict(carrying or {})
        self._since: float | None = None
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._shares: dict[str, Share] = {}
        self._beside = SideQuestions(self._asker, self._services, self._kinds)

    def at_next_phase(self) -> RequestReader:
        """One that begins anew, by the same lines; a look of this one may still be under way."""
        carrying = {key: tally.carrying for key, tally in list(self._tallies.items())}
        return RequestReader(self._asker, self._services, self._lines, self._carrying | carrying)

    def look(self, weights: Mapping[str, int]) -> dict[str, Counted]:
        """What was counted since the look before.

        Args:
            weights: The canaries' weights in per cent.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        now = self._asker.now()
        if isinstance(now, Unknown):
            return {name: Counted.unknown(service, now) for name, service in self._services.items()}
        if self._since is None:
            self._since = now
        self._lines.draw(self._kinds)
        self._beside.begin()
        failed, slow = self._scraped()
        ages = self._ages(failed)
        checks, latencies = self._beside.told(end)
        found = {}
        for name, service in self._services.items():
            if service.reads_queues:
                found[name] = Counted(NO_REQUESTS, NO_REQUESTS, NO_REQUESTS, checks[name])
                continue
            weight = weights.get(name, 0)
            rise = ages.get(name) or self._rise("failed", name, failed[service.by_selector], now)
            slower = self._rise("slow", name, slow.get(service.by_selector), now)
            found[name] = Counted(
                rise if isinstance(rise, Unknown) else _batch(rise, service, weight),
                slower if isinstance(slower, Unknown) else slower.batch(0.0),
                self._fallen_back(name, weight, rise),
                checks[name],
                latencies.get(name, {}),
                self._unseen(name, now),
            )
        return found

    def _unseen(self, name: str, now: float) -> str:
        """Which proxies counted requests and are not scraped any more; empty if there are none."""
        tally = self._tallies.get(("failed", name))
        missing = tally.missing(now) if tally else {}
        if any(age > GONE_SECONDS for age in missing.values()):
            # One that is gone for good is no target any more.
            answer = self._asker.whole({"down": questions.DOWN})["down"]
            down = set(missing) if isinstance(answer, Unknown) else {proxy_of(labels) for labels, _ in answer}
            missing = {one: age for one, age in missing.items() if age <= GONE_SECONDS or one in down}
        told = [f"{one} counted requests, and is not scraped for {age:.0f} s" for one, age in missing.items()]
        return "; ".join(sorted(told))

    def earlier(self, name: str) -> Earlier:
        """What stable did in the last hour, for a canary at full weight, beside which stable does nothing."""
        service = self._services[name]
        chosen, grpc = {name: service}, service.by_selector
        self._lines.draw({grpc: chosen})
        asked = {bad: questions.requests_before(chosen, grpc=grpc, failed=bad) for bad in (False, True)}
        answers = self._asker.whole(asked)
        for answer in answers.values():
            if isinstance(answer, Unknown):
                return Earlier(answer, answer)
        total, bad = (
            sum(value for _, value in of_service(answers[bad], key_of(name, service)))
            for bad in (False, True)
        )
        return Earlier(counts_of(total, bad), self._lines.earlier(name, service))

    def _scraped(self) -> tuple[dict[bool, Seen], dict[bool, Seen]]:
        """The last scrapes of requests and of slow ones, by kind of service."""
        asked = {
            ("failed", grpc): questions.requests(services, grpc=grpc)
            for grpc, services in self._kinds.items()
        }
        for grpc, services in self._kinds.items():
            if ends := self._lines.ends(services):
                asked["slow", grpc] = questions.buckets(services, ends, grpc=grpc)
        found: dict[str, dict[bool, Seen]] = {"failed": {}, "slow": {}}
        for (what, grpc), answer in self._asker.samples(asked).items():
            # The first look asks who counts: one that falls silent before the second is missed, too.
            last = bool(self._tallies) and not grpc
            found[what][grpc] = answer if isinstance(answer, Unknown) else by_proxy(answer, last=last)
        return found["failed"], found["slow"]

    def _ages(self, seen: Mapping[bool, Seen]) -> dict[str, Unknown]:
        """How old the newest counts are of services of which nothing was scraped lately."""
        lacking: dict[bool, dict[str, ServiceSpec]] = {}
        for grpc, services in self._kinds.items():
            found = seen[grpc]
            if not isinstance(found, Unknown):
                lacking[grpc] = {
                    name: one for name, one in services.items() if key_of(name, one) not in found
                }
        asked = {grpc: questions.ages(chosen, grpc=grpc) for grpc, chosen in lacking.items() if chosen}
        answers = self._asker.values(asked)
        return {
            name: Gap(f"the newest counts are {age:.0f} s old")
            for grpc, answer in answers.items()
            for name, service in lacking[grpc].items()
            for _, age in of_service(answer, key_of(name, service))
        }

    def _rise(self, what: str, name: str, seen: Seen | None, now: float) -> Rise | Unknown:
        service = self._services[name]
        line = self._lines.of(name) if what == "slow" else 0.0
        if isinstance(line, Unknown):
            return line
        if seen is None or isinstance(seen, Unknown):
            return seen or Unknown("nobody was asked")
        scrapes: dict[str, list[Scrape]] = {}
        for proxy, moments in seen.get(key_of(name, service), {}).items():
            read = slow_scrapes(moments, line) if what == "slow" else failed_scrapes(moments)
            if isinstance(read, Unknown):
                return Unknown(f"{proxy}: {read.why}")
            scrapes[proxy] = read
        tally = self._tallies.get((what, name)) or Tally(
            self._since or now, service.by_selector, carrying=self._carrying.get((what, name), {})
        )
        self._tallies[what, name], rise = tally.after(scrapes, now)
        return rise

    def _fallen_back(self, name: str, weight: int, rise: Rise | Unknown) -> str | Unknown | None:
        """How one sees that the canary does not answer its share; None where that cannot be told by its share."""
        service = self._services[name]
        if not tells(service, weight):
            return None
        if isinstance(rise, Unknown):
            return rise
        share = self._shares.get(name)
        if share is None or share.weight != weight:
            share = Share(weight, service.judge.false_alarm / PERCENT)
        if rise.began >= (self._since or 0.0) + SETTLE_SECONDS:
            share = share.after(rise.canary.requests, rise.total, rise.seconds)
        self._shares[name] = share
        return share.words(falls_back=service.falls_back)


def _batch(rise: Rise | Unknown, service: ServiceSpec, weight: int) -> Batch | Unknown:
    if isinstance(rise, Unknown):
        return rise
    return rise.batch(weight / FULL_WEIGHT, sticky=service.stickiness is not None)


def tells(service: ServiceSpec, weight: float) -> bool:
    """Whether a canary's share of the requests tells if it takes what is sent to it.

    At full weight it is all of them. Below, an autoscaler moves the share where the ratio of pods decides, and
    where users keep their version a few of them may send most of the requests.
    """
    return weight == FULL_WEIGHT or (weight > 0 and service.by_weight and service.stickiness is None)

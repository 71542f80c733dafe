"""What came back: answers by version, failures, and when."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from lab.traffic.marks import Mark

REFUSED = 400
SHOWN_FAILURES = 50
SHOWN_CHARACTERS = 160


@dataclass(frozen=True)
class Answer:
    """One request's end.

    Attributes:
        at: When it was sent, in seconds since the epoch.
        seconds: How long it took.
        status: The HTTP status; 0 without an answer.
        version: The version that answered; empty if no pod did.
        authorizer: The version of ext-authz that let it in; empty if none was asked.
        failure: What went wrong; empty if nothing.
        cookies: What it wants to be kept, as `Set-Cookie` says it.
        chain: Who answered along a chain of calls: `auth-api/v1,scan-api/v2`; empty where none was asked for.
    """

    at: float
    seconds: float
    status: int
    version: str = ""
    authorizer: str = ""
    failure: str = ""
    cookies: tuple[str, ...] = ()
    chain: str = ""


@dataclass
class Tally:
    """Counts of answers, whole and by second."""

    answers: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    authorizers: Counter[str] = field(default_factory=Counter)
    chains: Counter[str] = field(default_factory=Counter)
    failures: list[Answer] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)
    last_of_chain: dict[str, float] = field(default_factory=dict)
    by_second: dict[int, Counter[str]] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Counts one."""
        second = self.by_second.setdefault(int(answer.at), Counter())
        self.statuses[answer.status] += 1
        self.times.append(answer.seconds)
        if answer.authorizer:
            self.authorizers[answer.authorizer] += 1
        if answer.chain:
            self.chains[answer.chain] += 1
            before = self.last_of_chain.get(answer.chain, 0.0)
            self.last_of_chain[answer.chain] = max(before, answer.at + answer.seconds)
        if answer.failure:
            self.failures.append(answer)
            second["failed"] += 1
        if answer.version:
            self.answers[answer.version] += 1
            second[answer.version] += 1
            self.last[answer.version] = max(self.last.get(answer.version, 0.0), answer.at + answer.seconds)

    @property
    def sent(self) -> int:
        """All requests that ended."""
        return self.statuses.total()

    def as_json(self) -> dict[str, Any]:
        """The counts for scripts; times in seconds since the epoch, latencies in milliseconds."""
        cuts = statistics.quantiles(self.times, n=100) if len(self.times) > 1 else [0.0] * 99
        return {
            "sent": self.sent,
            "failed": len(self.failures),
            "answers": dict(self.answers),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "authorizers": dict(self.authorizers),
            "chains": dict(self.chains),
            "last": self.last,
            "lastOfChain": self.last_of_chain,
            "latencyMs": {"median": round(cuts[49] * 1000, 2), "p99": round(cuts[98] * 1000, 2)},
            "failures": [
                {"at": one.at, "what": one.failure, "version": one.version}
                for one in self.failures[:SHOWN_FAILURES]
            ],
            "seconds": [{"at": at, **counts} for at, counts in sorted(self.by_second.items())],
            "marks": [{"at": mark.at, "what": str(mark.split)} for mark in self.marks],
        }


def outcome(
    at: float, seconds: float, status: int, headers: CIMultiDictProxy[str], body: bytes = b""
) -> Answer:
    """Reads an HTTP answer; one that is no success is a failure, whoever sent it.

    A gateway that finds nobody to authorize a request refuses it with 403, and one without a route with 404.
    """
    failed = ""
    if status >= REFUSED:
        # A proxy says there why it could not pass a request on.
        failed = f"status {status} {body[:SHOWN_CHARACTERS].decode(errors='replace').strip()}".strip()
    version, authorizer, chain = (
        headers.get(f"x-{name}", "") for name in ("version", "authorized-by", "chain")
    )
    cookies = tuple(headers.getall("set-cookie", ()))
    return Answer(at, seconds, status, version, authorizer, failed, cookies, chain)

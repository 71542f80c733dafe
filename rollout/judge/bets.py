"""Bets against a statement about two streams of requests: evidence that may be looked at at any time.

**The statement.** In a batch, the canary's requests are bad with a mean chance that exceeds that of stable's by at
most the margin (a bet on `Claim.SICK` is against it), or by at least the margin (`Claim.WELL`).

**The bet.** With n canary and m stable requests y in {0, 1}, any p, and stakes with n·l = m·k, the bet pays

    S = product over the canary of (1 + l·(y - p - margin)) x product over stable of (1 - k·(y - p)).

Let a and b be the mean chances. Since log(1 + u) <= u, and chances are independent within the batch given the past,

    log E[S] <= n·l·(a - p - margin) - m·k·(b - p) = n·l·(a - b - margin) <= 0,

so S is an e-variable whatever the chances are: they may differ from request to request and from batch to batch. The
product over batches is a test supermartingale; by Ville's inequality it ever reaches 1/alpha with a chance of at most
alpha. That is betting as in Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS B
2024), with two streams. With y in [0, 1] it holds too.

**The stakes.** p and l are those of the growth-optimal e-variable of Turner and Grünwald, "Exact anytime-valid
confidence intervals for contingency tables and beyond" (2023), theorem 1: for expected chances (q of stable, r of the
canary), p minimises m·KL(q, p) + n·KL(r, p + margin). Stakes may be rounded, since any p and l are valid; only
n·l = m·k must hold exactly, and it is set for each batch.

**When it began.** Nobody knows when a canary falls sick. A part of the capital waits and enters batch by batch; a
mixture of e-processes that begin at different times is an e-process. So what came before costs a constant, and not
all that was lost on it.

**What is thrown away.** Evidence of a whole phase would outweigh a fault of its last minute. Where an answer is to be
of the moment, capital above `most` is thrown away; less capital never makes a false answer likelier.

**Requests that fail together.** Of a request and its retries one chance decides. Where at most c requests share one,
the c-th root of S is an e-variable: the requests make c parts without such company, and by Hölder's inequality the
mean of the root is at most the root of the product of the parts' means, which the line above bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from math import exp, log, log1p
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rollout.judge.observations import Batch, Counts

AT_ONCE: Final = 0.9
"""The part of the capital that is staked from the first batch on."""

LATER: Final = (1 - AT_ONCE) / 1.0691
"""The rest is shared by 1 / (k·log²k), whose sum over k >= 3 is 1.0690."""

MOST: Final = 0.98
"""Of what a bet may lose by one request. All of it would end the bet."""

MOST_LOG: Final = 600.0
LARGEST: Final = 1e280
"""Below what a float holds; evidence like that needs no more digits."""

BISECTIONS: Final = 40
STEPS: Final = 8.0
"""Expected chances and ratios are rounded to eighths of a power of e, so that stakes are computed once."""

HIGHEST: Final = 0.98
LOWEST: Final = 1e-5


class Claim(IntEnum):
    """What a bet is on; the value is the sign of the canary's stake."""

    SICK = 1
    WELL = -1


EXCESSES: Final = {Claim.SICK: (2.0, 10.0, 50.0), Claim.WELL: (0.0,)}
"""How much worse the canary is expected to be, in margins: one bettor each, with equal parts of the capital."""


@lru_cache(maxsize=65536)
def stakes(claim: Claim, usual_step: int, ratio_step: int, margin: float) -> tuple[tuple[float, float], ...]:
    """The point p and the canary's stake of each bettor.

    Args:
        claim: What the bet is on.
        usual_step: The chance that is expected of stable, as the rounded logarithm.
        ratio_step: Canary requests to one of stable's, likewise.
        margin: The margin as a part of 1.
    """
    usual, ratio = min(exp(usual_step / STEPS), HIGHEST), exp(ratio_step / STEPS)
    found = []
    for excess in EXCESSES[claim]:
        expected = min(usual + excess * margin, HIGHEST)
        low, high = sorted((usual, expected - margin))
        low, high = max(low, LOWEST / 10), min(high, 1 - margin - LOWEST)
        if low >= high:  # at the upper end there is no room to be worse in
            found.append((min(usual, 1 - margin - LOWEST), 0.0))
            continue
        for _ in range(BISECTIONS):
            point = (low + high) / 2
            if _slope(point, usual, expected, ratio, margin) < 0:
                low = point
            else:
                high = point
        found.append((point, _stake(claim, expected, point + margin)))
    return tuple(found)


def _stake(claim: Claim, expected: float, edge: float) -> float:
    """What grows fastest where a request is bad with the expected chance."""
    return max(claim * (min(expected, HIGHEST) - edge) / (edge * (1 - edge)), 0.0)


def _slope(point: float, usual: float, expected: float, ratio: float, margin: float) -> float:
    """The derivative of what p minimises, for one request of stable's; it rises with p."""
    edge = point + margin
    return (point - usual) / (point * (1 - point)) + ratio * (edge - expected) / (edge * (1 - edge))


def log_payoff(batch: Batch, claim: Claim, margin: float, point: float, stake: float) -> float:
    """The logarithm of what a bet pays for a batch: S of this module's text.

    Args:
        batch: Both versions' counts; both have requests.
        claim: What the bet is on.
        margin: The margin as a part of 1.
        point: p, in 0 to 1 - margin.
        stake: l, not negative; made smaller where a request could cost more than `MOST`.
    """
    canary, stable = batch.canary, batch.stable
    edge, ratio = point + margin, canary.requests / stable.requests
    if claim is Claim.SICK:
        stake = min(stake, MOST / edge, MOST / (1 - point) / ratio)
    else:
        stake = min(stake, MOST / (1 - edge), MOST / point / ratio)
    own, other = claim * stake, claim * stake * ratio
    total = (canary.requests - canary.bad) * log1p(-own * edge)
    total += (stable.requests - stable.bad) * log1p(other * point)
    if canary.bad:
        total += canary.bad * log1p(own * (1 - edge))
    if stable.bad:
        total += stable.bad * log1p(-other * (1 - point))
    return total


def log_payoff_alone(canary: Counts, claim: Claim, edge: float, stake: float) -> float:
    """The logarithm of what a bet on the canary's requests alone pays.

    Args:
        canary: Its counts.
        claim: What the bet is on.
        edge: The chance that it is against, in 0 to 1.
        stake: Not negative; made smaller where a request could cost more than `MOST`.
    """
    own = claim * min(stake, MOST / (edge if claim is Claim.SICK else 1 - edge))
    total = (canary.requests - canary.bad) * log1p(-own * edge)
    return total + canary.bad * log1p(own * (1 - edge)) if canary.bad else total


def entering(number: int) -> float:
    """The part of the capital that enters with a batch, counted from 1; all of them make at most 1."""
    if number == 1:
        return AT_ONCE
    return LATER / ((number + 1) * log(number + 1) ** 2)


@dataclass(frozen=True)
class Evidence:
    """Evidence against one statement; it reaches 1/alpha with a chance of at most alpha while the statement is true.

    Attributes:
        claim: What the bets are on.
        margin: The margin as a part of 1.
        together: How many requests may fail for one reason, such as a request and its retries.
        most: What a bettor may keep; more is thrown away.
        capital: What each bettor has, of one that it began with, without what waits.
        waiting: What has not entered yet.
        batches: How many there were.
    """

    claim: Claim
    margin: float
    together: int = 1
    most: float = LARGEST
    capital: tuple[float, ...] = ()
    waiting: float = 1.0
    batches: int = 0

    @property
    def value(self) -> float:
        """How many times what it began with; no evidence is 1 or less."""
        if not self.capital:
            return 1.0
        return sum(self.capital) / len(self.capital) + self.waiting

    @property
    def anew(self) -> Evidence:
        """The same bets before anything was counted."""
        return Evidence(self.claim, self.margin, self.together, self.most)

    @property
    def without_credit(self) -> Evidence:
        """Without what speaks for the claim; what speaks against it stays, or each gap would be one more chance."""
        return self.anew if self.value > 1 else self

    def after(self, batch: Batch, usual: float) -> Evidence:
        """With one more batch.

        Args:
            batch: Counts of both versions; without requests of one of them nothing changes.
            usual: The chance that is expected of stable. It may come from earlier batches alone.
        """
        if not batch.canary.requests or not batch.stable.requests:
            return self
        usual_step = round(log(max(usual, LOWEST)) * STEPS)
        ratio_step = round(log(batch.canary.requests / batch.stable.requests) * STEPS)
        chosen = stakes(self.claim, usual_step, ratio_step, self.margin)
        return self._paid([log_payoff(batch, self.claim, self.margin, *one) for one in chosen])

    def after_alone(self, canary: Counts, usual: float, edge: float, most_log: float = MOST_LOG) -> Evidence:
        """With one more batch of the canary's requests, held against a chance that is known.

        The bet is that of this module's text without stable's factor, so the statement is about `edge` alone.

        Args:
            canary: Counts of the canary; without requests nothing changes.
            usual: The chance that is expected of stable. It may come from earlier batches alone.
            edge: The chance from which on the canary is sick; nothing that is judged may have moved it.
            most_log: The logarithm of what the batch may pay; to take less is as valid.
        """
        if not canary.requests:
            return self
        usual, edge = min(max(usual, LOWEST), HIGHEST), min(max(edge, LOWEST), 1 - LOWEST)
        expected = (usual + excess * self.margin for excess in EXCESSES[self.claim])
        return self._paid(
            [log_payoff_alone(canary, self.claim, edge, _stake(self.claim, one, edge)) for one in expected],
            most_log,
        )

    def _paid(self, paid: list[float], most_log: float = MOST_LOG) -> Evidence:
        """With what each bettor's bet paid, as logarithms."""
        number = self.batches + 1
        enters = entering(number)
        before = self.capital or (0.0,) * len(paid)
        capital = tuple(
            min((had + enters) * exp(min(log_paid / self.together, most_log)), self.most)
            for had, log_paid in zip(before, paid, strict=True)
        )
        return replace(self, capital=capital, waiting=self.waiting - enters, batches=number)

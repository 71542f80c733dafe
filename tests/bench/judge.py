"""How often a rule calls a canary sick, and how soon: the judge beside rules of others, on the same requests."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any

from rollout.judge import bets, comparison
from rollout.judge.comparison import Comparison
from rollout.judge.limits import MeasureLimits
from rollout.judge.observations import Batch, Counts
from tests.bench.streams import HOURS, Argo, Flagger, Kayenta, Stream, always, burst, by_day, drift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.streams import Counted

LIMITS = MeasureLimits("failed", 0.005, 100, 0.01, measures=2)
"""The defaults, with two measures that share the false alarms: failed and slow."""

RUNS = 10_000
NOTHING_FAILS = 50
FEWER = {"shared": 5, "late": 5, "well": 10}
"""By how much fewer rollouts there are of some groups."""
SAME = 3
"""So many rollouts of each kind are judged by the product itself too, look by look."""

ENTERING = [bets.entering(number) for number in range(1, HOURS + 1)]
RULES = ("ours", "argo", "flagger", "kayenta")


@lru_cache(maxsize=400_000)
def _factors(
    together: int, step: int, canary: int, failed: int, stable: int, worse: int
) -> tuple[float, ...]:
    batch = Batch(Counts(canary, failed), Counts(stable, worse))
    chosen = bets.stakes(bets.Claim.SICK, step, round(log(canary / stable) * bets.STEPS), LIMITS.margin)
    paid = (bets.log_payoff(batch, bets.Claim.SICK, LIMITS.margin, *one) / together for one in chosen)
    return tuple(exp(min(one, bets.MOST_LOG)) for one in paid)


class Ours:
    """The judge's evidence of sickness, with what each batch pays kept: batches repeat a million times."""

    def __init__(self, together: int = 1) -> None:
        self._together = together
        self._capital = (0.0, 0.0, 0.0)
        self._number = 0
        self._requests, self._bad = comparison.PRIOR.requests, comparison.PRIOR.bad
        self._entered = 0.0

    def look(self, until: int, counted: Counted) -> bool:
        canary, failed, stable, worse = counted
        share = self._bad / self._requests
        sick = False
        if canary and stable:
            step = round(log(share) * bets.STEPS)
            paid, more, most = _factors(self._together, step, canary, failed, stable, worse)
            enters = ENTERING[self._number]
            self._entered += enters
            self._number += 1
            one, other, third = self._capital
            one, other, third = (one + enters) * paid, (other + enters) * more, (third + enters) * most
            self._capital = one, other, third
            sick = (one + other + third) / 3 + 1 - self._entered >= LIMITS.sick_bound
        expected = stable * share
        if abs(worse - expected) > comparison.SURPRISING * (1 + sqrt(expected * (1 - share))):
            self._requests = comparison.PRIOR.requests + stable
            self._bad = comparison.PRIOR.bad + worse
        else:
            self._requests = self._requests * comparison.KEPT + stable
            self._bad = self._bad * comparison.KEPT + worse
        return sick


def _judged(
    stream: Stream, together: int, dice: random.Random, check: bool
) -> dict[str, tuple[int, int] | None]:
    """When each rule calls the canary sick, and how many requests the canary has failed by then."""
    rules: dict[str, Any] = {
        "ours": Ours(together),
        "argo": Argo(),
        "flagger": Flagger(),
        "kayenta": Kayenta(),
    }
    called: dict[str, tuple[int, int] | None] = dict.fromkeys(rules)
    product = Comparison.begin(replace(LIMITS, together=together))
    failed = until = 0
    watching = list(rules.items())
    for counted in stream.looks(dice):
        until += stream.seconds
        failed += counted[1]
        if check and "ours" in rules:
            product = product.after(Batch(Counts(*counted[:2]), Counts(*counted[2:])))
        for name, rule in watching:
            if rule.look(until, counted):
                called[name] = (until, failed)
                del rules[name]
                watching = list(rules.items())
        if check and product.called_sick is not (called["ours"] is not None):
            raise AssertionError(f"the judge and its quick double differ after {until} s of {stream}")
        if not watching:
            break
    called["end"] = (until, failed)
    return called


def _kinds() -> Iterator[tuple[str, str, Stream, int]]:
    """Group, name, the stream, and how many requests are said to fail together."""
    for more, seconds in ((0.5, 1), (0.05, 1), (0.01, 5), (0.005, 5)):
        stream = Stream(always(0.001), always(0.001 + more), always(200), seconds=seconds)
        yield "worse", f"+{more * 100:g} points", stream, 1
    base = Stream(burst, burst, always(200))
    yield "shared", "30 % of both fail, one minute in ten", base, 1
    yield "shared", "drift from 0.1 to 5 %", replace(base, stable=drift, canary=drift), 1

    def daily(at: int) -> float:
        return round(0.001 + 0.019 * by_day(at), 4)

    wave = Stream(daily, daily, lambda at: 50 + 300 * round(by_day(at), 1))
    yield "shared", "50 to 350 requests/s and 0.1 to 2 %, in waves", wave, 1
    for cluster, together in ((2, 1), (4, 1), (2, 2), (4, 4)):
        for share in (0.001, 0.01):
            retried = Stream(always(share), always(share), always(200), cluster=cluster)
            told = f", with `together: {together}`" if together > 1 else ""
            yield "shared", f"requests fail {cluster} at a time, {share:.1%}{told}", retried, together
    spread = Stream(always(0.021), always(0.021), always(200))
    yield "shared", "one client with 2 % of the requests fails always, spread by weight", spread, 1
    stuck = Stream(always(0.001), always(0.021), always(200))
    yield "shared", "the same with a tenth of that, at the canary alone", stuck, 1
    edge = Stream(always(0.001), always(0.006), always(200))
    yield "late", "healthy for an hour, then +5 points", replace(edge, canary=_late), 1
    yield (
        "late",
        "a shared burst of a minute, then +5 points",
        replace(edge, stable=_hit, canary=_hit_late),
        1,
    )
    for rate in (1, 10, 100, 1000):
        for share in (0.0, 0.001, 0.01, 0.05):
            same = always(share)
            yield "same", f"{share:.1%} at {rate:,}/s", Stream(same, same, always(rate)), 1


LATE = 3600


def _late(at: int) -> float:
    return 0.051 if at >= LATE else 0.001


def _hit(at: int) -> float:
    return 0.3 if LATE - 60 <= at < LATE else 0.001


def _hit_late(at: int) -> float:
    return 0.051 if at >= LATE else _hit(at)


def compare(runs: int) -> Iterator[dict[str, Any]]:
    """Judges so many rollouts of each kind.

    Yields:
        One a kind: how many rollouts there were, and by rule how many were called sick, when, and how many
        requests the canary had failed by then.
    """
    yield from _well(runs)
    for group, name, stream, together in _kinds():
        dice = random.Random(f"{group} {name}")  # noqa: S311  # fixed seeds
        # Where nothing can fail, rollouts differ in nothing that a rule looks at.
        part = FEWER.get(group, 1) if stream.stable(0) else NOTHING_FAILS
        count = max(runs // part, 1)
        found = [_judged(stream, together, dice, check=number < SAME) for number in range(count)]
        told: dict[str, Any] = {"group": group, "kind": name, "rollouts": count}
        for rule in RULES:
            called = [one[rule] for one in found if one[rule]]
            hurt = [(one[rule] or one["end"])[1] for one in found]  # type: ignore[index]
            after = sorted(at for at, _ in called)
            told[rule] = {
                "sick": len(called),
                "early": sum(at < LATE for at in after) if group == "late" else 0,
                "median": _middle([at - LATE for at in after if at >= LATE] if group == "late" else after),
                "hurt": _middle(sorted(hurt)),
            }
        yield told


def _until_well(stream: Stream, dice: random.Random) -> int | None:
    """When the judge calls a canary well; None if it never does, or calls it sick first."""
    product = Comparison.begin(LIMITS)
    until = 0
    for counted in stream.looks(dice):
        until += stream.seconds
        product = product.after(Batch(Counts(*counted[:2]), Counts(*counted[2:])))
        if product.answer != "not known":
            return until if product.answer == "well" else None
    return None


def _well(runs: int) -> Iterator[dict[str, Any]]:
    for usual, more in ((0.0, 0.0), (0.001, 0.0), (0.01, 0.0), (0.001, 0.005), (0.001, 0.01), (0.01, 0.005)):
        stream = Stream(always(usual), always(usual + more), always(200))
        kind = f"stable fails {usual * 100:g} %, the canary {more * 100:g} points more"
        dice = random.Random(f"well {kind}")  # noqa: S311  # fixed seeds
        count = max(runs // FEWER["well"], 1)
        called = [at for at in (_until_well(stream, dice) for _ in range(count)) if at]
        yield {
            "group": "well",
            "kind": kind,
            "rollouts": count,
            "ours": {"well": len(called), "median": _middle(sorted(called))},
        }


def _middle(ordered: list[int]) -> float | None:
    return ordered[len(ordered) // 2] if ordered else None

"""The judge's mathematics: held against exact sums, another program's figures, and simulated rollouts."""

from __future__ import annotations

import random
from itertools import product
from math import comb, exp, isclose, log, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.judge.bets import EXCESSES, Claim, Evidence, entering, log_payoff, stakes
from rollout.judge.comparison import Comparison
from rollout.judge.limits import MeasureLimits
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import Gap
from tests.bench.streams import Stream, always, burst, drawn, is_higher

LIMITS = MeasureLimits("failed", 0.005, 100, 0.01, measures=2)
NOTHING = Counts(0, 0)


def batch(canary, failed, stable, worse):
    return Batch(Counts(canary, failed), Counts(stable, worse))


def binomial(number, happened, chance):
    return comb(number, happened) * chance**happened * (1 - chance) ** (number - happened)


def expected(claim, canary, stable, *, own, usual, margin, bet):
    """The mean of what a bet pays, summed over everything that can happen."""
    return sum(
        binomial(canary, failed, own)
        * binomial(stable, worse, usual)
        * exp(log_payoff(batch(canary, failed, stable, worse), claim, margin, *bet))
        for failed, worse in product(range(canary + 1), range(stable + 1))
    )


sizes = st.integers(1, 12)
shares = st.floats(0, 1)


@given(
    claim=st.sampled_from(Claim),
    canary=sizes,
    stable=sizes,
    usual=shares,
    margin=st.floats(0.001, 0.4),
    worse_by=shares,
    point=st.floats(0.001, 0.99),
    stake=st.floats(0, 60),
)
@settings(max_examples=150, deadline=None)
def test_no_bet_pays_on_the_average_while_the_canary_is_within_the_margin(
    *, claim, canary, stable, usual, margin, worse_by, point, stake
):
    """Exact, at any point and stake, wherever in the statement the two chances are."""
    if claim is Claim.SICK:
        own = min(usual + margin, 1) * worse_by
    else:
        usual = min(usual, 1 - margin)
        own = usual + margin + (1 - usual - margin) * worse_by
    point = min(point, 1 - margin - 0.0005)
    bet = (max(point, 1e-4), stake)
    assert expected(claim, canary, stable, own=own, usual=usual, margin=margin, bet=bet) <= 1 + 1e-9


@given(st.sampled_from(Claim), st.integers(-92, 0), st.integers(-60, 60), st.floats(0.0005, 0.5))
@settings(max_examples=300, deadline=None)
def test_every_stake_can_be_placed(claim, usual, ratio, margin):
    for point, stake in stakes(claim, usual, ratio, margin):
        assert 0 < point < 1 - margin
        assert 0 <= stake < float("inf")


def test_requests_of_one_batch_may_differ_in_their_chances():
    """Exact: every request has its own; the mean of the canary's is stable's mean and the margin."""
    canary, stable, margin, (point, stake) = (0.0, 0.5, 0.1), (0.02, 0.02, 0.26), 0.1, (0.1, 3.0)
    total = 0.0
    for failed in product((0, 1), repeat=6):
        chance = prod(one if bad else 1 - one for one, bad in zip((*canary, *stable), failed, strict=True))
        one = batch(3, sum(failed[:3]), 3, sum(failed[3:]))
        total += chance * exp(log_payoff(one, Claim.SICK, margin, point, stake))
    assert sum(canary) / 3 == pytest.approx(sum(stable) / 3 + margin)
    assert total <= 1


@pytest.mark.parametrize(
    ("claim", "counts", "usual", "margin", "bettor", "point", "logarithm", "near"),
    [
        (Claim.SICK, (100, 6, 100, 1), -48, 0.005, 1, 0.022813807, 1.213061766, 1e-6),
        (Claim.WELL, (200, 1, 200, 1), -40, 0.02, 0, 0.003888798, 2.180175661, 1e-6),
        # The ratio of 1 to 19 is rounded in the point, and exact in the stakes.
        (Claim.SICK, (10, 3, 190, 0), -48, 0.005, 1, 0.003366986, 5.359076906, 0.02),
        (Claim.SICK, (10, 3, 190, 0), -48, 0.005, 2, 0.010515065, 7.978, 0.1),
    ],
)
def test_it_is_the_likelihood_ratio_of_turner_and_gruenwald(
    *, claim, counts, usual, margin, bettor, point, logarithm, near
):
    """Points from scipy 1.17.1's `minimize_scalar` on m·KL(q, p) + n·KL(r, p + margin), logarithms from its
    `binom.pmf`: the probability of the counts at (q, r), by that at (p, p + margin)."""
    ratio = round(log(counts[0] / counts[2]) * 8)
    found = stakes(claim, usual, ratio, margin)[bettor]
    assert found[0] == pytest.approx(point, abs=1e-8)
    assert log_payoff(batch(*counts), claim, margin, *found) == pytest.approx(logarithm, abs=near)


def test_no_more_enters_than_there_is():
    entered = sum(entering(number) for number in range(1, 100_000))
    # What comes after is at most the integral of 1 / (x·log²x).
    assert 0.99 < entered <= entered + 0.1 / 1.0691 / log(100_000) <= 1


def test_evidence_without_requests_of_both_does_not_move():
    begun = Evidence(Claim.SICK, 0.005)
    assert begun.after(Batch(Counts(10, 10), NOTHING), 0.001) is begun
    assert begun.after(Batch(NOTHING, Counts(10, 0)), 0.001) is begun
    assert begun.value == 1


@given(st.lists(st.tuples(st.integers(0, 40), shares, st.integers(0, 800), shares), max_size=12))
@settings(max_examples=100, deadline=None)
def test_evidence_is_a_number_whatever_comes(batches):
    one = Comparison.begin(LIMITS)
    for canary, own, stable, usual in batches:
        one = one.after(batch(canary, round(canary * own), stable, round(stable * usual)))
        assert 0 <= one.sick.value < float("inf")
        assert 0 <= one.well.value < float("inf")
        assert not (one.called_sick and one.answer != "sick")


def judged(stream, dice, limits=LIMITS, seconds=600):
    """The answer, and when it came."""
    one, until = Comparison.begin(limits), 0
    for counted in stream.looks(dice):
        until += stream.seconds
        one = one.after(batch(*counted))
        if one.answer != "not known" or until >= seconds:
            break
    return one.answer, until


def answers(stream, rollouts, seed, **told):
    dice = random.Random(seed)  # noqa: S311  # fixed seeds
    return [judged(stream, dice, **told) for _ in range(rollouts)]


def median(found):
    return sorted(until for _, until in found)[len(found) // 2]


def test_five_points_more_are_sick_after_ten_seconds():
    """200 requests a second, weight 5 %, stable fails 0.1 %."""
    found = answers(Stream(always(0.001), always(0.051), always(200), seconds=1), 200, 1)
    assert {answer for answer, _ in found} == {"sick"}
    assert median(found) <= 10


def test_fifty_points_more_are_sick_after_two_seconds():
    found = answers(Stream(always(0.001), always(0.501), always(200), seconds=1), 200, 2)
    assert {answer for answer, _ in found} == {"sick"}
    assert max(until for _, until in found) <= 3
    assert median(found) <= 2


def test_a_canary_like_stable_is_well_within_minutes():
    found = answers(Stream(always(0.001), always(0.001), always(200)), 60, 3)
    assert {answer for answer, _ in found} == {"well"}
    assert median(found) <= 180


@pytest.mark.parametrize("claim", ["sick", "well"])
def test_at_the_margin_itself_false_answers_are_as_rare_as_told(claim):
    """The hardest place: either answer is false there. A tenth of false alarms, so that they are seen."""
    limits = MeasureLimits("failed", 0.005, 1, 0.1)
    found = answers(Stream(always(0.01), always(0.015), always(200)), 150, 4, limits=limits, seconds=1000)
    wrong = sum(answer == claim for answer, _ in found)
    assert wrong <= 150 * 0.1 + 3 * (150 * 0.1 * 0.9) ** 0.5


@pytest.mark.parametrize("share", [always(0.0), always(0.05), burst])
def test_a_fault_that_both_share_is_not_the_canarys(share):
    limits = MeasureLimits("failed", 0.005, 10**9, 0.01, measures=2)
    found = answers(Stream(share, share, always(200)), 40, 5, limits=limits, seconds=1800)
    assert [answer for answer, _ in found] == ["not known"] * 40


def test_what_came_before_does_not_hide_a_canary_that_falls_sick_late():
    def late(at):
        return 0.051 if at >= 1800 else 0.001

    limits = MeasureLimits("failed", 0.005, 10**9, 0.01, measures=2)
    found = answers(Stream(always(0.001), late, always(200)), 30, 6, limits=limits, seconds=3600)
    assert {answer for answer, _ in found} == {"sick"}
    assert 1800 < median(found) <= 1860


def test_requests_that_fail_together_need_to_be_told():
    stream = Stream(always(0.01), always(0.01), always(200), cluster=4)
    one = MeasureLimits("failed", 0.005, 10**9, 0.01, measures=2)
    told = MeasureLimits("failed", 0.005, 10**9, 0.01, measures=2, together=4)
    wrong, right = (answers(stream, 40, 7, limits=limits, seconds=2400) for limits in (one, told))
    assert sum(answer == "sick" for answer, _ in wrong) > 0
    assert sum(answer == "sick" for answer, _ in right) == 0


def test_too_few_requests_are_never_well():
    one = Comparison.begin(MeasureLimits("failed", 0.3, 100, 0.01)).after(batch(99, 0, 9000, 0))
    assert one.well.value > one.limits.well_bound
    assert one.answer == "not known"
    assert one.words.endswith("not enough requests: 99 of 100")
    assert one.after(batch(1, 0, 10, 0)).answer == "well"


def test_an_unknown_look_takes_back_no_sickness_and_allows_no_health():
    well = Comparison.begin(MeasureLimits("failed", 0.3, 100, 0.01)).after(batch(200, 0, 9000, 0))
    assert well.answer == "well"
    away = well.after(Unknown("Prometheus is away"))
    assert away.answer == "not known"
    assert away.words.endswith("; Prometheus is away")
    assert away.after(batch(1, 0, 10, 0)).answer == "well"
    sick = well.after(batch(100, 100, 900, 0))
    assert sick.answer == sick.after(Unknown("Prometheus is away")).answer == "sick"
    assert (
        sick.words == "33.3 % of 300 requests failed, 0.0 % of stable's 9,900: worse by more than 30 points"
    )


def test_at_the_next_phase_it_must_prove_itself_again():
    well = Comparison.begin(LIMITS).after(batch(5000, 5, 95_000, 95))
    assert well.answer == "well"
    begun = well.at_next_phase()
    assert (begun.answer, begun.seen.canary.requests) == ("not known", 0)
    assert begun.sick == well.sick
    sick = well.after(batch(100, 90, 900, 0))
    assert sick.answer == sick.at_next_phase().answer == "sick"


def test_without_stable_there_is_nothing_to_compare_with():
    one = Comparison.begin(LIMITS).after(Batch(Counts(1000, 900), NOTHING))
    assert one.answer == "not known"
    assert one.words == "stable has answered no request to compare with"


def test_while_nobody_counts_it_is_not_said_that_the_canary_answers_nothing():
    """The lab's canary answered 40 requests a second while Prometheus was away."""
    one = Comparison.begin(LIMITS).after(Unknown("Prometheus is away"))
    assert (one.answer, one.words) == ("not known", "Prometheus is away")
    assert Comparison.begin(LIMITS).words == "the canary has answered no request"


def test_the_streams_draw_what_they_say():
    dice = random.Random(8)  # noqa: S311  # fixed seeds
    draws = [drawn(dice, 400, 0.05) for _ in range(4000)]
    mean = sum(draws) / 4000
    assert isclose(mean, 20, abs_tol=0.3)
    assert isclose(sum((one - mean) ** 2 for one in draws) / 4000, 19, abs_tol=1.5)
    assert (drawn(dice, 7, 1.0), drawn(dice, 0, 0.5), drawn(dice, 7, 0.0)) == (7, 0, 0)


def test_the_rank_test_is_the_usual_one():
    """scipy 1.17.1's `mannwhitneyu(..., method="asymptotic")` has p = 0.0304 and p = 0.0122; 98 % asks for 0.02."""
    assert not is_higher([4, 5, 6, 7], [0, 1, 2, 3])
    assert is_higher([5, 6, 7, 8, 9], [0, 1, 2, 3, 4])
    assert not is_higher([0] * 10, [0] * 10)


def test_bettors_are_as_many_as_the_bench_thinks():
    assert {claim: len(found) for claim, found in EXCESSES.items()} == {Claim.SICK: 3, Claim.WELL: 1}


@pytest.mark.parametrize(
    ("rate", "healthy", "seconds", "more"), [(200, 540, 60, 0.01), (200, 590, 10, 0.05), (20, 3600, 60, 0.05)]
)
def test_well_is_of_the_moment_and_not_of_the_whole_phase(rate, healthy, seconds, more):
    def late(at):
        return 0.001 + (more if at >= healthy else 0)

    dice, still = random.Random(9), 0  # noqa: S311  # fixed seeds
    for _ in range(30):
        one, until = Comparison.begin(LIMITS), 0
        for counted in Stream(always(0.001), late, always(rate)).looks(dice):
            one, until = one.after(batch(*counted)), until + 5
            if until >= healthy + seconds:
                break
        still += one.answer == "well"
    assert still <= 30 * 0.1 + 4


@pytest.mark.parametrize("share", [0.001, 0.01])
def test_a_healthy_canary_stays_well_most_of_the_time(share):
    dice, looks = random.Random(10), []  # noqa: S311  # fixed seeds
    for _ in range(10):
        one, was, until = Comparison.begin(LIMITS), False, 0
        for counted in Stream(always(share), always(share), always(200)).looks(dice):
            one, until = one.after(batch(*counted)), until + 5
            if was:
                looks.append(one.answer == "well")
            was = was or one.answer == "well"
            if until >= 3600:
                break
    assert sum(looks) > 0.8 * len(looks) > 0


@pytest.mark.parametrize("every", [6, 12, 20])
def test_gaps_give_a_canary_at_the_margin_no_new_chances(every):
    """2 h of looks each 15 s, at 0.6 % beside 0.1 %: `well` is wrong, and comes as seldom as without a gap."""
    draw = random.Random(7)  # noqa: S311  # fixed seeds
    called = 0
    for _ in range(60):
        known = Comparison.begin(LIMITS)
        for look in range(480):
            if look % every == every - 1:
                known = known.after(Gap("not scraped"))
                continue
            failed, worse = (
                sum(draw.random() < chance for _ in range(size))
                for chance, size in ((0.006, 300), (0.001, 900))
            )
            known = known.after(batch(300, failed, 900, worse))
            if known.answer == "well":
                called += 1
                break
    assert called <= 2

"""What the judge takes as counted, and what it takes as unknown: never as zero."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.judge.observations import Batch, Counters, Counts, Look, Unknown, batch_between
from rollout.judge.slow import rise, slow_counts, slow_from


def counters(at, **series):
    return Counters(at, series)


def look(at=0.0, canary=None, stable=None, apart=0.0):
    return Look(
        counters(at + apart, **(canary or {"c": (100, 1)})), counters(at, **(stable or {"s": (1000, 2)}))
    )


def test_what_came_between_two_looks():
    after = look(15.0, {"c": (150, 4)}, {"s": (1900, 3)})
    assert batch_between(look(), after) == Batch(Counts(50, 3), Counts(900, 1))


def test_pods_that_come_and_go_count_while_both_looks_know_them():
    before = look(0.0, {"old": (90, 9), "c": (10, 0)})
    after = look(15.0, {"c": (30, 1), "new": (500, 500)}, {"s": (1000, 2)})
    assert batch_between(before, after) == Batch(Counts(20, 1), Counts(0, 0))


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (Look(Unknown("Prometheus is away"), counters(15, s=(1100, 2))), "canary: Prometheus is away"),
        (look(15.0, {"c": (7, 0)}), "canary: the counter of c began anew"),
        (look(15.0, {"c": (101, 0)}), "canary: the counter of c began anew"),
        (look(15.0, {"c": (math.nan, 0)}), "canary: the counter of c holds no number"),
        (look(15.0, {"c": (101, 9)}), "canary: more bad requests than requests: the counters were scraped"),
        (look(15.0, {"d": (1, 0)}), "canary: its counters are new"),
        (Look(counters(15), counters(15, s=(1100, 2))), "canary: no data"),
        (look(0.0), "canary: no new scrape"),
        (look(61.0), "canary: nothing was scraped for 61 s"),
        (look(math.nan), "canary: a scrape without a time"),
        (look(15.0, apart=7.6), "canary and stable were counted 7.6 s apart: their times cannot be compared"),
        (look(15.0, stable={"s": (1, 0)}), "stable: the counter of s began anew"),
    ],
)
def test_what_cannot_be_counted_is_unknown_and_says_why(after, why):
    found = batch_between(look(), after)
    assert isinstance(found, Unknown)
    assert found.why.startswith(why)


@given(st.tuples(*[st.tuples(st.floats(), st.floats())] * 4), st.floats(), st.floats())
def test_whatever_is_scraped_gives_counts_or_a_reason(figures, first, second):
    own, usual, more, most = figures
    before = Look(counters(first, c=own), counters(first, s=usual))
    found = batch_between(before, Look(counters(second, c=more), counters(second, s=most)))
    assert isinstance(found, Batch) or found.why


@pytest.mark.parametrize("wrong", [(1, 2), (-1, 0), (1, -1), (math.nan, 0), (math.inf, 0), (1, math.nan)])
def test_what_is_no_count_is_refused(wrong):
    with pytest.raises(ValueError, match="is no count"):
        Counts(*wrong)


STABLE = {10.0: 500, 50.0: 940, 100.0: 960, 250.0: 999, math.inf: 1000}


def test_slow_is_what_is_slower_than_a_quantile_of_stable():
    line = slow_from(STABLE, 0.95)
    assert line == 100.0
    assert slow_counts(STABLE, line) == Counts(1000, 40)
    assert slow_counts({10.0: 0, 50.0: 30, 100.0: 60, 250.0: 99, math.inf: 100}, line) == Counts(100, 40)


def test_a_line_beyond_the_buckets_is_unknown():
    assert slow_from({10.0: 5, 50.0: 6, math.inf: 100}, 0.95) == Unknown(
        "the buckets end at 50, and more of stable's requests are slower"
    )


@pytest.mark.parametrize(
    ("buckets", "why"),
    [
        ({}, "no histogram with buckets to infinity"),
        ({10.0: 5}, "no histogram with buckets to infinity"),
        ({10.0: 0, math.inf: 0}, "no requests in the histogram"),
        (
            {10.0: 5, math.inf: 4},
            "a bucket holds fewer than a smaller one: they were scraped at different times",
        ),
        ({10.0: -1, math.inf: 4}, "the histogram holds something else than counts"),
        ({10.0: math.nan, math.inf: 4}, "the histogram holds something else than counts"),
    ],
)
def test_what_is_no_histogram_is_unknown(buckets, why):
    assert slow_from(buckets, 0.95) == Unknown(why)
    assert slow_counts(buckets, 10.0) == Unknown(why)


def test_histograms_that_do_not_fit_are_unknown():
    assert slow_counts(STABLE, 75.0) == Unknown("there is no bucket that ends at 75: the histograms differ")
    assert rise({1.0: 1}, {2.0: 1}) == Unknown("the buckets of the histogram changed")
    assert rise({1.0: 2}, {1.0: 1}) == Unknown("the histogram began anew")
    assert rise({1.0: 1, math.inf: 4}, {1.0: 3, math.inf: 9}) == {1.0: 2, math.inf: 5}

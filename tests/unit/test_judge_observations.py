"""What the judge takes as counted, and what it takes as unknown: never as zero."""

from __future__ import annotations

import math

import pytest

from rollout.judge.observations import Counts, Unknown
from rollout.judge.slow import slow_from


@pytest.mark.parametrize("wrong", [(1, 2), (-1, 0), (1, -1), (math.nan, 0), (math.inf, 0), (1, math.nan)])
def test_what_is_no_count_is_refused(wrong):
    with pytest.raises(ValueError, match="is no count"):
        Counts(*wrong)


STABLE = {10.0: 500, 50.0: 940, 100.0: 960, 250.0: 999, math.inf: 1000}


def test_slow_is_what_is_slower_than_a_quantile_of_stable():
    assert slow_from(STABLE, 0.95) == 100.0
    assert slow_from(STABLE, 0.94) == 50.0


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

"""The bench of the judge: its quick double is the product, and its page says what was counted."""

from __future__ import annotations

import random

import pytest

from tests.bench import judge
from tests.bench.judge_document import section
from tests.bench.streams import HOURS, Argo, Flagger, Kayenta, Stream, always


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("more", [0.0, 0.01, 0.3])
def test_the_quick_double_says_what_the_product_says(more, together):
    stream = Stream(always(0.01), always(0.01 + more), always(30), seconds=15)
    found = judge._judged(stream, together, random.Random(1), check=True)  # noqa: S311  # fixed seed
    assert more < 0.3 or found["ours"] is not None
    assert found["end"][0] <= HOURS


@pytest.mark.parametrize(("rule", "seconds"), [(Argo, 120), (Flagger, 300), (Kayenta, 600)])
def test_rules_of_others_wait_for_their_intervals(rule, seconds):
    one = rule()
    called = [until for until in range(5, 901, 5) if one.look(until, (50, 5, 950, 1))]
    assert called[0] == seconds


def test_an_interval_without_requests_counts_for_nobody():
    rules = Argo(), Flagger(), Kayenta()
    assert not any(rule.look(until, (0, 0, 0, 0)) for until in range(5, 3601, 5) for rule in rules)


def test_the_page_has_shares_and_times_and_leaves_out_what_was_not_measured():
    rule = {"sick": 25, "early": 0, "median": 1200, "hurt": 3}
    same = {"group": "same", "kind": "1.0% at 10/s", "rollouts": 10_000}
    late = {"group": "late", "kind": "healthy, then not", "rollouts": 100}
    well = {"group": "well", "kind": "alike", "rollouts": 50, "ours": {"well": 49, "median": 90}}
    text = section(
        [
            {**same, **{key: {**rule, "median": None, "sick": 0} for key in judge.RULES}, "argo": rule},
            {**late, **{key: {**rule, "early": 1} for key in judge.RULES}},
            well,
        ]
    )
    assert "| 1.0% at 10/s | 10,000 | 0.00% | 0.25%, 1,200 s | 0.00% | 0.00% |" in text
    assert "| healthy, then not | 100 | 25.00%, 1,200 s (1.00% before it was) | 3 |" in text
    assert "| alike | 50 | 98.00%, 90 s |" in text
    assert "What both meet" not in text

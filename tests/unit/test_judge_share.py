"""Whether a canary answers its share, looked at as often as one likes."""

from __future__ import annotations

import random

import pytest

from rollout.judge.share import PART, Share
from tests.bench.streams import drawn

pytestmark = pytest.mark.whole

FALSE_ALARM = 0.01


def looked_at(dice, weight, rate, looks, answers=1.0, share=None):
    """A share after looks of a second, in which a canary answers a part of what is sent to it."""
    share = share or Share(weight, FALSE_ALARM)
    for _ in range(looks):
        share = share.after(drawn(dice, rate, answers * weight / 100), rate, 1.0)
    return share


@pytest.mark.parametrize(("weight", "rate"), [(5, 1), (5, 20), (5, 200), (20, 200), (50, 10)])
def test_a_canary_that_answers_its_share_is_hardly_ever_said_not_to(weight, rate):
    dice = random.Random(weight * rate)  # noqa: S311
    rollouts = 150
    wrong = sum(looked_at(dice, weight, rate, 600).lacks for _ in range(rollouts))
    assert wrong <= 2, "expected are 0.15 at the most"
    assert PART * FALSE_ALARM * rollouts < 0.2


@pytest.mark.parametrize(
    ("answers", "healthy", "seconds"),
    [(0.0, 0, 2), (0.0, 600, 4), (0.5, 0, 20), (0.5, 600, 35), (0.02, 300, 4)],
)
def test_one_that_does_not_is_seen_within_seconds(answers, healthy, seconds):
    dice = random.Random(7)  # noqa: S311
    share = looked_at(dice, 5, 200, healthy)
    assert not share.lacks
    assert looked_at(dice, 5, 200, seconds, answers, share).lacks


def test_at_full_weight_a_few_of_stables_are_no_fallback_and_half_are():
    share = Share(100, FALSE_ALARM)
    for _ in range(500):
        share = share.after(199, 200, 1.0)
    assert not share.lacks
    assert share.after(100, 200, 1.0).lacks


def test_requests_with_the_header_are_no_lack():
    share = Share(5, FALSE_ALARM)
    for _ in range(500):
        share = share.after(60, 200, 1.0)
    assert not share.lacks


def test_it_stays_and_words_have_the_figures_of_when_it_was_seen():
    share = Share(5, FALSE_ALARM)
    assert share.words(falls_back=True) == ""
    for _ in range(3):
        share = share.after(2, 400, 15.0)
    told = (
        "has 5 % and got 0.5 % of 400 requests in 15 s: it has fallen back, since its pods answer with errors"
    )
    assert share.words(falls_back=True) == told
    assert looked_at(random.Random(1), 5, 200, 100, share=share).words(falls_back=True) == told  # noqa: S311


def test_no_requests_say_nothing():
    assert Share(5, FALSE_ALARM).after(0, 0, 15.0) == Share(5, FALSE_ALARM)

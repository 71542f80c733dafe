"""What scrapes of single series say of the time between them, and what they cannot say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.judge.observations import Counts, Unknown
from rollout.judge.scrapes import LONGEST_SECONDS, Gap, NotYet, Rise, Scrape
from rollout.judge.tally import Tally


def scrape(at, **versions):
    return Scrape(at, {version: {"200": figures} for version, figures in versions.items()})


def looks(*seen, since=0.0, apart=False):
    """What each look says; a look is its time and the last scrapes by proxy."""
    tally, found = Tally(since, apart), []
    for now, proxies in seen:
        tally, rise = tally.after({one: scrapes for one, scrapes in proxies.items() if scrapes}, now)
        found.append(rise)
    return found


FIRST = scrape(10.0, v1=(100, 1), v2=(10, 0))


@pytest.mark.parametrize(
    ("second", "now", "kind", "why"),
    [
        (scrape(10.0, v1=(100, 1), v2=(10, 0)), 11.0, NotYet, "two scrapes since the beginning are awaited"),
        (scrape(25.0, v1=(7, 0), v2=(10, 0)), 26.0, NotYet, "a: its counters began anew"),
        (scrape(25.0, v1=(200, 0), v2=(10, 0)), 26.0, NotYet, "a: its counters began anew"),
        (scrape(25.0, v1=(101, 9), v2=(10, 0)), 26.0, NotYet, "a: its counters began anew"),
        (scrape(25.0, v1=(200, 1)), 26.0, NotYet, "a: its counters began anew"),
        (scrape(25.0, v1=(math.nan, 1), v2=(10, 0)), 26.0, Unknown, "a: a counter holds no number"),
        (scrape(25.0, v1=(math.inf, 1), v2=(10, 0)), 26.0, Unknown, "a: a counter holds no number"),
        (scrape(70.1, v1=(200, 1), v2=(10, 0)), 71.0, Gap, "a: not scraped for 60 s"),
        (scrape(10.0, v1=(100, 1), v2=(10, 0)), 70.1, Gap, "the newest counts are 60 s old"),
    ],
)
def test_what_two_scrapes_cannot_tell_is_unknown_and_says_why(second, now, kind, why):
    assert looks((10.0, {"a": [FIRST]}), (now, {"a": [second]}))[1] == kind(why)


def test_a_version_that_is_new_began_at_zero():
    found = looks(
        (10.0, {"a": [scrape(10.0, v1=(100, 1))]}), (25.0, {"a": [scrape(25.0, v1=(150, 2), v2=(5, 5))]})
    )
    assert found[1] == Rise(Counts(5, 5), Counts(50, 1), Counts(0, 0), 10.0, 15.0)


def test_what_reached_no_pod_is_told_apart():
    later = scrape(25.0, v1=(100, 1), v2=(10, 0), unknown=(5, 4), latest=(2, 1))
    assert looks((10.0, {"a": [FIRST]}), (25.0, {"a": [later]}))[1].lost == Counts(7, 5)


def test_the_scrapes_of_another_phase_do_not_count():
    seen = [(at, {"a": [scrape(at, v1=(at * 10, 0))]}) for at in (10.0, 25.0, 40.0)]
    first, second, third = looks(*seen, since=20.0)
    assert isinstance(first, NotYet)
    assert isinstance(second, NotYet)
    assert third.stable == Counts(150, 0)


def test_pods_whose_times_do_not_fit_for_long_are_not_known():
    """Scraped every 50 s, 17 s one after the other: two scrapes of each would fit, and are too far from each other."""
    seen = []
    for now in range(200, 600, 10):
        pods = {
            name: [
                scrape(float(at), **{"v2" if name == "a" else "v1": (at, 0)}) for at in range(start, now, 50)
            ]
            for name, start in (("a", 0), ("b", 17), ("c", 34))
        }
        seen.append((float(now), pods))
    found = looks(*seen, apart=True)
    told = {one.why for one in found if isinstance(one, Unknown) and not isinstance(one, NotYet)}
    assert told == {
        f"its pods were scraped {far} s apart: their times cannot be compared" for far in (33, 34)
    }
    assert not [one for one in found if isinstance(one, Rise)]


TIMES = st.floats(0, 300)
FIGURES = st.tuples(st.floats(0, 100), st.floats(0, 100)) | st.tuples(st.floats(), st.floats())
SCRAPES = st.builds(
    Scrape,
    TIMES,
    st.dictionaries(st.sampled_from(["v1", "v2", ""]), st.dictionaries(st.sampled_from("ab"), FIGURES)),
)
SEEN = st.dictionaries(
    st.sampled_from(["p", "q", "r"]),
    st.lists(SCRAPES, min_size=1, max_size=3).map(lambda found: sorted(found, key=lambda one: one.at)),
)


@given(st.lists(st.tuples(TIMES, SEEN), max_size=8), TIMES, st.booleans())
def test_whatever_is_scraped_gives_counts_or_a_reason(seen, since, apart):
    for rise in looks(*seen, since=since, apart=apart):
        assert isinstance(rise, Rise) or rise.why
        if isinstance(rise, Rise):
            assert rise.began >= since
            assert rise.seconds <= LONGEST_SECONDS
            for share, sticky in ((0.2, True), (0.0, True), (0.0, False), (0.2, False), (1.0, False)):
                batch = rise.batch(share, sticky=sticky)
                assert batch.canary.requests + batch.stable.requests == pytest.approx(rise.total)


RISES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=9)


@given(st.dictionaries(st.sampled_from(["p", "q"]), st.tuples(st.integers(0, 14), RISES), min_size=1))
def test_what_callers_count_is_told_once_whatever_the_offsets(proxies):
    seen = {}
    for proxy, (offset, rises) in proxies.items():
        canary = stable = bad = 0
        for number, (more, others, failed) in enumerate(rises):
            canary, stable, bad = canary + more + failed, stable + others, bad + failed
            at = 1000.0 + offset + 15 * number
            seen[at, proxy] = scrape(at, v1=(stable, 0), v2=(canary, bad))
    order = sorted(seen)
    found = looks(
        *(
            (
                at,
                {
                    proxy: [one for (when, who), one in seen.items() if who == proxy and when <= at]
                    for proxy in proxies
                },
            )
            for at, _ in order
        )
    )
    told = [one for one in found if isinstance(one, Rise)]
    counted = [rises[1:] for _, rises in proxies.values()]
    assert sum(one.canary.bad for one in told) == sum(bad for rises in counted for *_, bad in rises)
    assert sum(one.stable.requests for one in told) == sum(
        stable for rises in counted for _, stable, _ in rises
    )

"""What a climb has read is old at times: pods that end, a state from before its own update, a lock that is gone."""

from __future__ import annotations

import pytest

from rollout.climb.standing import Asked, Left
from rollout.climb.steps import Goal
from rollout.judge.judging import Reading
from rollout.judge.observations import Batch, Counts
from rollout.judge.signs import PodLook
from tests import mountain
from tests.mountain import AWAY, GOOD, NEW, OLD, Mountain

SILENT = Batch(Counts(0, 0), Counts(5000, 5))
ENDING = PodLook(0, 1, {})


def leave(on, name):
    """A promotion was ended behind its routes: they lead to stable, and the canary's pods end."""
    on.file[name], on.state[name] = Asked(0, 0, NEW, NEW), Left(5, 100, 0)
    on.routes[name], on.stable[name] = 0, NEW


@pytest.fixture
def ends(monkeypatch):
    """my-api's canary has no pods and no requests."""
    look = mountain.Site.look

    def seen(site, weights):
        found = dict(look(site, weights))
        if "my-api" in found:
            found["my-api"] = Reading(site.on.seconds, SILENT, SILENT, ENDING)
        return found

    monkeypatch.setattr(mountain.Site, "look", seen)


def test_a_promotion_that_waits_is_not_undone_since_its_canary_ends(ends):
    on = Mountain.of(my_api=5)
    leave(on, "my-api")
    on.locked = "another update of dev is under way"
    ending = on.climb(Goal(promote=True, soak_seconds=20, give_up_seconds=600))
    assert (ending.outcome, ending.code) == ("gave up", 6)
    assert "another update of dev is under way" in ending.words
    assert on.stable == {"my-api": NEW}
    assert on.messages == []


def test_another_promotion_of_the_same_update_goes_on_beside_a_canary_that_ends(ends):
    on = Mountain.of(my_api=5, auth_api=5)
    leave(on, "my-api")
    on.file["auth-api"] = Asked(0, 0, NEW, NEW)
    ending = on.climb()
    assert ending.code == 0
    assert on.stable == {"my-api": NEW, "auth-api": NEW}
    assert not [told for told in on.messages if "back" in told]


class Slow:
    """A read of the state that takes a while; what its site compares routes with is of before until it ends."""

    def __init__(self, site, seconds):
        self._site, self._from = site, site.on.seconds + seconds

    @property
    def done(self):
        return self._site.on.seconds >= self._from

    def result(self):
        self._site.seen = dict(self._site.on.state)
        return dict(self._site.on.state)


@pytest.mark.parametrize("seconds", [0.0, 2.0, 12.0])
def test_a_promotion_of_its_own_is_no_abort_of_somebody_else(monkeypatch, seconds):
    stands = mountain.Site.stands

    def begun(site):
        found = stands(site)
        site.seen = getattr(site, "seen", None) or dict(site.on.state)
        return found

    def routes(site):
        off = {
            name: "an abort" for name, left in site.seen.items() if left.phase and not site.on.routes[name]
        }
        return mountain.RoutesSeen(dict(site.on.hands), off)

    monkeypatch.setattr(mountain.Site, "stands", begun)
    monkeypatch.setattr(mountain.Site, "routes", routes)
    monkeypatch.setattr(mountain.Site, "state", lambda site: Slow(site, seconds))
    on = Mountain.of(my_api=5, auth_api=2)
    on.file["my-api"] = Asked(0, 0, NEW, NEW)
    update = on.update

    def takes_long():
        on.seconds += 40
        update()

    on.update = takes_long
    ending = on.climb()
    assert (ending.outcome, ending.code) == ("promoted", 0)
    assert on.stable == {"my-api": NEW, "auth-api": NEW}


def test_an_abort_is_still_seen_once_the_state_is_read(monkeypatch):
    """The check is not lost: an abort after the read ends the climb."""
    on = Mountain.of(my_api=5, auth_api=2)
    on.file["my-api"] = Asked(0, 0, NEW, NEW)

    def sees(_):
        if on.messages:
            on.routes["auth-api"] = None

    on.sees = sees
    ending = on.climb()
    assert ending.code == 7
    assert on.stable["auth-api"] == OLD


def test_a_lock_that_is_gone_is_not_why_it_gives_up():
    on = Mountain.of(auth_api=2)
    on.locked = "another update of dev is under way"

    def sees(_):
        if on.seconds >= 40:
            on.locked, on.counts["auth-api"] = "", AWAY

    on.sees = sees
    ending = on.climb()
    assert ending.code == 6
    assert AWAY.why in ending.words
    assert "another update" not in ending.words


def test_a_canary_that_is_well_in_the_end_goes_on_though_it_had_to_wait():
    on = Mountain.of(auth_api=2)
    on.locked = "another update of dev is under way"

    def sees(_):
        if on.seconds >= 40:
            on.locked, on.counts["auth-api"] = "", GOOD if on.seconds >= 598 else AWAY

    on.sees = sees
    assert on.climb(Goal(to=3, soak_seconds=20, give_up_seconds=605)).outcome != "gave up"

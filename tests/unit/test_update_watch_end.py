"""A look during an update that never ends does not keep the climb from going on after it."""

from __future__ import annotations

import threading
import time

import pytest

from eco2.climb import update_watch
from eco2.climb.update_watch import UpdateWatch


@pytest.fixture
def hangs(monkeypatch):
    monkeypatch.setattr(update_watch, "END_SECONDS", 0.2, raising=False)
    released = threading.Event()
    yield released
    released.set()


def left(watch):
    """Leaves the watch as the end of an update does; whether that came to an end."""
    leaving = threading.Thread(target=watch.__exit__, args=(None, None, None), daemon=True)
    leaving.start()
    leaving.join(3)
    return not leaving.is_alive()


def test_a_look_that_hangs_is_left_behind_and_does_nothing_more(hangs):
    told, strokes = [], []
    watch = UpdateWatch(hangs.wait, lambda: {"auth-api": "bad"}, lambda: strokes.append(1), told.append, 0.01)
    watch.__enter__()
    time.sleep(0.1)
    assert left(watch)
    assert told == ["a look during the update has not ended for 0 s; nobody waits for it"]
    hangs.set()
    watch._thread.join(3)
    assert (watch.sick, strokes, len(told)) == ({}, [], 1)
    assert watch._thread.daemon


def test_a_stroke_that_hangs_is_left_behind_and_its_canary_is_known_to_be_sick(hangs):
    told = []
    watch = UpdateWatch(lambda: None, lambda: {"auth-api": "bad"}, hangs.wait, told.append, 0.01)
    watch.__enter__()
    time.sleep(0.1)
    assert left(watch)
    assert watch.sick == {"auth-api": "bad"}

"""The way back of a climb: nothing holds up its first stroke, and what is told of it is so."""

from __future__ import annotations

import signal

import pytest

from eco2.abort.routes import Stroke
from eco2.abort.stroke import FirstStroke
from eco2.climb.interrupts import as_interrupts
from eco2.climb.way_back import WayBack
from eco2.terminal.climb.lines import lines_of
from rollout.climb.steps import Goal
from tests.mountain import BAD, Mountain, Site

QUICK = Goal(promote=True, soak_seconds=20, give_up_seconds=600)
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def sick():
    on = Mountain.of(auth_api=3)
    on.counts["auth-api"] = BAD
    return on


@pytest.mark.parametrize("number", SIGNALS)
def test_what_ends_it_between_verdict_and_stroke_ends_it_after_the_stroke(number, monkeypatch):
    on, strike = sick(), Site.strike

    def and_somebody_ends_it(site):
        signal.raise_signal(number)
        return strike(site)

    monkeypatch.setattr(Site, "strike", and_somebody_ends_it)
    with as_interrupts():
        ending = on.climb(QUICK)
    assert (ending.outcome, ending.code) == ("interrupted", 130)
    assert on.routes == {"auth-api": None}
    assert "failed" in ending.words
    assert "the first stroke is done; finish it: `eco2 abort auth-api --stack dev --message " in ending.words
    assert on.told("struck")
    assert on.visits == []


def test_a_ctrl_c_right_after_the_look_that_says_sick_lets_the_stroke_happen():
    on = sick()
    tell = on.events.append

    class Told(list):
        def append(self, event):
            tell(event)
            if event.event == "looked" and event.verdict.answer == "sick":
                raise KeyboardInterrupt

    on.events = Told()
    ending = on.climb(QUICK)
    assert (ending.code, on.routes) == (130, {"auth-api": None})


def test_a_ctrl_c_while_routes_cannot_be_moved_ends_it_with_both_reasons():
    on = sick()
    on.frozen = {"auth-api": ("the cluster does not answer", 9999)}
    sleep = Site.sleep

    def and_ctrl_c(site, seconds):
        if seconds == 1.0:
            signal.raise_signal(signal.SIGINT)
        sleep(site, seconds)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Site, "sleep", and_ctrl_c)
        ending = on.climb(QUICK)
    assert ending.code == 130
    assert "routes are not moved: auth-api: the cluster does not answer" in ending.words
    assert "failed" in ending.words
    assert on.seconds < 20


def test_a_ctrl_c_in_the_rest_of_the_way_back_says_why_it_went_back(monkeypatch):
    on = sick()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Site, "finish_back", interrupted)
    ending = on.climb(QUICK)
    assert ending.code == 130
    assert "failed" in ending.words
    assert "the first stroke is done" in ending.words


def test_where_nothing_was_moved_it_does_not_say_so():
    on = sick()
    on.add("my-worker", 0)
    on.unmoved = {"my-worker": "has no routes"}
    on.climb(QUICK)
    (struck,) = on.told("struck")
    lines = lines_of(struck)
    assert lines[0].startswith("auth-api: no request meets the canary any more (")
    assert lines[1] == "my-worker: has no routes"
    assert struck.as_json()["unmoved"] == on.unmoved


@pytest.mark.parametrize(
    ("stroke", "silent", "words"),
    [
        (Stroke("a", ()), "", "has no canary any more"),
        (Stroke("a", (), unstopped="no right"), "", "may take work until the update ends it: no right"),
        (
            Stroke("a", ("Deployment my/a-canary",), rested=True),
            "",
            "scaled to 0; its pods finish their message",
        ),
        (Stroke("a", (), "", (), ("VirtualService my/a",)), "", "VirtualService my/a is not there"),
        (Stroke("a", ("VirtualService my/a",), "", ("x",)), "istiod is down", "istiod is down"),
        (Stroke("a", ("VirtualService my/a",), "", ("x",)), "", None),
    ],
)
def test_the_stroke_tells_what_it_left(stroke, silent, words, monkeypatch):
    back = object.__new__(WayBack)
    back._told, back._ready = [], None
    monkeypatch.setattr("eco2.climb.way_back.first_stroke", lambda *_: FirstStroke([stroke], 0, 0, silent))
    assert back.strike() == {}
    found = back.unmoved()
    assert words in found["a"] if words else found == {}

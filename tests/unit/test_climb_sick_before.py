"""An image that a climb took back as sick does not climb again by itself; and who is asked before the first update."""

from __future__ import annotations

import shlex
import signal
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from eco2.abort.finish import again
from eco2.abort.request import AbortRequest
from eco2.cli import app
from eco2.climb.endings import NO_RECORD
from eco2.climb.site import NotBackError
from eco2.terminal.climb.lines import lines_of
from eco2.terminal.wrapping import fold
from rollout.climb.measured import unmeasured
from rollout.climb.sick_before import refusal_of_sick, sick_before
from rollout.climb.standing import Asked, Left, Standing
from rollout.climb.words import of_way_back
from rollout.spec.image import Image
from tests.mountain import BAD, NEW, QUICK, SERVICES, Mountain, Site

OLD, CANARY = (
    Image.parse("docker.io/x/eco2:stable"),
    Image.parse("docker.io/x/eco2:auth-api-0.8.0@sha256:0123456789ab", "7"),
)
LATER, EARLIER = datetime(2026, 11, 27, 9, 5, tzinfo=UTC), datetime(2026, 11, 26, 9, 5, tzinfo=UTC)
RETRY = replace(QUICK, retry=True)


def at(phase, canary=CANARY):
    return Standing(Asked(phase, 0, OLD, canary), Left(phase, 0), (0, 5, 20, 50, 100))


def test_the_record_of_a_verdict_is_read_as_it_was_written():
    stands = {"auth-api": at(3), "scan-api": at(3)}
    message = of_way_back(stands, {"auth-api": "5 % of 300 failed\nSick: scan-api, phase 1, x"}, 60)
    found = sick_before([(LATER, message)], {name: at(0) for name in stands})
    assert list(found) == [
        "auth-api"
    ]  # who was taken back along with it, and who only speaks of sick ones, is not
    assert (found["auth-api"].phase, found["auth-api"].image) == (3, CANARY.short)
    assert found["auth-api"].words.startswith(
        "its canary image auth-api-0.8.0@0123456789ab (7) was judged sick at phase 3 on 2026-11-27 09:05 UTC: "
        "climb takes back auth-api 3 → 0, scan-api 3 → 0: sick after 1 min: auth-api: 5 % of 300 failed"
    )
    assert sick_before([(LATER, message)], {"auth-api": at(0, replace(CANARY, revision="8"))}) == {}


def test_the_newest_verdict_is_told():
    stands = {"auth-api": at(2)}
    new, old = (of_way_back(stands, {"auth-api": why}, 5) for why in ("new", "old"))
    updates = [(LATER, new), (LATER, "by hand"), (EARLIER, old)]
    assert sick_before(updates, stands)["auth-api"].at == LATER


def test_the_end_of_somebody_s_abort_is_no_verdict():
    message = of_way_back({"auth-api": at(2)}, {"auth-api": "an abort of it was begun"}, 5, judged=False)
    assert sick_before([(LATER, message)], {"auth-api": at(0)}) == {}


def test_a_refusal_tells_of_all_and_names_both_ways_on():
    stands = {"auth-api": at(2), "scan-api": at(3)}
    message = of_way_back(stands, dict.fromkeys(stands, "5 % failed"), 5)
    told = refusal_of_sick(sick_before([(LATER, message)], stands), "--stack dev", "add --retry")
    assert "auth-api: its canary image" in told
    assert "scan-api: its canary image" in told
    assert "`eco2 set-image auth-api IMAGE --no-up --stack dev`" in told
    assert told.endswith("climb with it again: add --retry")


def sick(**phases):
    on = Mountain.of(**phases)
    good, on.counts["scan-api"] = on.counts["scan-api"], BAD
    assert on.climb(QUICK).code == 5
    on.counts["scan-api"] = good
    on.visits.clear()
    return on


def test_a_climb_that_ended_sick_begins_again_only_with_the_word_of_a_person():
    on = sick(auth_api=3, scan_api=3)
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code, on.visits) == ("refused", 1, [])
    assert "scan-api: its canary image new was judged sick at phase 3 on 2026-11-27 09:00 UTC" in ending.words
    assert "auth-api: its canary" not in ending.words
    asked = []
    assert on.climb(RETRY, lambda *told: asked.append(told[3]) or True).outcome == "promoted"
    assert asked[0]["scan-api"].startswith("its canary image new was judged sick")


RECORD = "Sick: auth-api, phase 3, new"


def words_of(command):
    """The options of a command that is told in backticks, as a shell reads them."""
    return shlex.split(command.rpartition("`eco2 abort ")[2].partition("`")[0])


def messages_of(command):
    words = words_of(command)
    return [value for name, value in pairwise(words) if name == "--message"]


@pytest.mark.parametrize("place", ["strike", "finish_back"])
def test_whoever_finishes_an_interrupted_way_back_by_the_command_that_is_told_keeps_the_record(
    monkeypatch, place
):
    on = Mountain.of(auth_api=3)
    on.counts["auth-api"] = BAD
    whole = getattr(Site, place)

    def interrupted(site, *arguments):
        if place == "finish_back":
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)
        return whole(site, *arguments)

    monkeypatch.setattr(Site, place, interrupted)
    ending = on.climb(QUICK)
    assert (ending.code, on.messages) == (130, [])
    (told,) = lines_of(on.told("ended")[0])
    for text in (ending.words, told):
        first, last = messages_of(text)
        assert first.startswith("climb takes back auth-api 3 → 0: sick after ")
        assert last == RECORD


def test_whoever_runs_an_abort_again_by_the_command_that_is_told_keeps_the_record(tmp_path):
    message = of_way_back(
        {"auth-api": at(3), "scan-api": at(3)}, {"auth-api": "it's 5 %", "scan-api": "b"}, 60
    )
    request = AbortRequest(tmp_path, "dev", ("auth-api", "scan-api"), message=message)
    assert "\n" not in request.command  # a line in a log, which is broken between words on a terminal
    for told in (again(request), again(replace(request, reconcile=False))):
        assert "\n".join(messages_of(fold(told, 80))) == message
    assert words_of(again(replace(request, reconcile=False)))[-1] == "--no-reconcile"
    assert replace(request, message="").command.startswith(
        "eco2 abort auth-api scan-api --stack dev --project "
    )


def test_an_abort_takes_each_line_of_its_message(desk, monkeypatch):
    taken = []
    monkeypatch.setattr("eco2.abort.run.abort", lambda request, _: taken.append(request))
    lines = ("climb takes back auth-api 3 → 0", RECORD)
    told = [part for line in lines for part in ("--message", line)]
    done = CliRunner().invoke(app, ["abort", "auth-api", "--stack", "dev", *told])
    assert (done.exit_code, taken[0].message) == (0, "\n".join(lines))
    assert taken[0].update_options == ("--skip-preview", "--message", "\n".join(lines))


def test_who_goes_on_with_a_way_back_that_was_begun_is_told_that_no_verdict_is_recorded(monkeypatch):
    on, finish = Mountain.of(auth_api=3), Site.finish_back
    on.counts["auth-api"] = BAD

    def fails(*_):
        raise NotBackError("the stack is locked", 4)

    monkeypatch.setattr(Site, "finish_back", fails)
    assert on.climb(QUICK).code == 4
    assert NO_RECORD not in on.told("ended")[0].words
    monkeypatch.setattr(Site, "finish_back", finish)
    ending = on.climb(QUICK)
    assert (ending.code, on.phases) == (5, {"auth-api": 0})
    assert RECORD not in on.messages[-1]
    assert NO_RECORD in ending.words
    assert "`eco2 history --stack dev`" in ending.words


def test_the_other_services_of_that_climb_and_another_image_climb_by_themselves():
    on = sick(auth_api=3, scan_api=3)
    on.file["scan-api"] = replace(on.file["scan-api"], canary=replace(NEW, tag="mended"))
    assert on.climb(replace(QUICK, to=2, promote=False)).code == 0


def test_who_is_under_way_again_needs_no_word_and_is_not_asked_for():
    on = sick(scan_api=3)
    on.climb(replace(RETRY, to=1, promote=False))
    on.unread = "the backend does not answer"
    assert on.climb(QUICK).outcome == "promoted"


def test_a_history_that_cannot_be_read_is_no_clean_one():
    on = Mountain.of(auth_api=0)
    on.unread = "the history of dev cannot be read"
    for goal in (QUICK, RETRY):
        ending = on.climb(goal)
        assert (ending.outcome, on.visits) == ("refused", [])
        assert ending.words == "the history of dev cannot be read; nothing was changed"


def test_nobody_is_brought_up_while_prometheus_is_away_and_all_is_told_at_once():
    on = sick(scan_api=3)
    on.blind = "Prometheus at http://127.0.0.1:9090 does not answer"
    ending = on.climb(QUICK)
    assert (ending.outcome, ending.code, on.visits) == ("refused", 1, [])
    assert "was judged sick at phase 3" in ending.words
    assert "does not answer; without it no canary is known to be well" in ending.words
    assert on.climb(RETRY).outcome == "refused"


def test_a_rollout_under_way_is_watched_while_prometheus_is_away():
    on = Mountain.of(auth_api=2)
    on.blind = "Prometheus does not answer"
    assert on.climb(replace(QUICK, to=2, promote=False)).outcome == "arrived"


def test_an_abort_that_was_begun_is_finished_whatever_cannot_be_asked():
    on = Mountain.of(auth_api=3)
    on.says("auth-api", 0)
    on.blind = on.unread = "away"
    assert (on.climb(QUICK).outcome, on.phases) == ("sick", {"auth-api": 0})
    on.blind = on.unread = ""
    assert on.climb(QUICK).outcome == "promoted"  # that was no verdict


@pytest.mark.parametrize(
    ("name", "counted", "moves", "missing"),
    [
        ("my-worker", True, True, ["services.my-worker.judge.checks"]),
        ("my-worker", False, False, []),
        ("auth-api", True, True, []),
        ("auth-api", False, True, ["auth-api"]),
        ("auth-api", False, False, ["auth-api"]),
    ],
)
def test_what_a_service_lacks_to_be_called_well(name, counted, moves, missing):
    found = unmeasured({name: SERVICES[name]}, "--stack dev", counted=counted, moves=moves)
    assert [one.key for one in found] == missing

"""The journal of a climb: its lines of JSON, whoever listens, and what is remembered of hours."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from eco2.climb.journal import Began, Ended, Entry, Journal, Judged, Looked, Raised, Struck, TakenBack, Waits
from eco2.climb.memory import MOST_LOOKS, MOST_WAITS, Memory
from eco2.climb.report.file import ReportFile
from eco2.climb.ways_out import open_journal
from rollout.judge.verdict import Verdict, Weighed
from rollout.problems import ConfigError
from tests.climbs import NAMES, Climb
from tests.conftest import ROOT

pytestmark = pytest.mark.whole

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
VERDICT = Verdict("auth-api", "not known", (Weighed("failed", "not known", "0.2 % of 400", 0.1, 0.5),))


def look(**more):
    given = {
        "service": "auth-api", "phase": 2, "weight": 5, "seconds_in_phase": 40.1,
        "requests": {"stable": 7600, "canary": 400}, "failed": {"stable": 8, "canary": 1},
        "latency_ms": {"stable": 25.0, "canary": 25.0}, "verdict": VERDICT,
    }  # fmt: skip
    return Looked(**{**given, **more})


def test_each_event_is_the_line_of_the_contract():
    begun = Began(
        "prod", ["auth-api"], 5, True, 600, 7200, {"auth-api": {"canary": "a:2"}}, {"auth-api": 0}, True
    )
    assert begun.as_json() == {
        "event": "began", "stack": "prod", "services": ["auth-api"], "to": 5, "promote": True, "soak_seconds": 600,
        "give_up_seconds": 7200, "images": {"auth-api": {"canary": "a:2"}}, "phases": {"auth-api": 0}, "moves": True,
        "weights": {}, "ladders": {}, "quantiles": {},
    }  # fmt: skip
    assert Raised({"a": 2}, {"a": 5}, 31.2, "why").as_json() == {
        "event": "raised", "phases": {"a": 2}, "weights": {"a": 5}, "seconds": 31.2, "why": "why",
    }  # fmt: skip
    assert look().as_json() == {
        "event": "looked", "service": "auth-api", "phase": 2, "weight": 5, "seconds_in_phase": 40.1,
        "requests": {"stable": 7600, "canary": 400}, "failed": {"stable": 8, "canary": 1},
        "latency_ms": {"stable": 25.0, "canary": 25.0},
        "verdict": {**VERDICT.as_json(), "parts": [dict(VERDICT.as_json()["parts"][0])]},
    }  # fmt: skip
    assert Judged("a", 2, 5, "well", "words", 600.0).as_json()["answer"] == "well"
    assert Struck(("a",), {"a": "why"}, 0.3).as_json() == {
        "event": "struck", "services": ["a"], "why": {"a": "why"}, "seconds": 0.3, "unmoved": {},
    }  # fmt: skip
    assert TakenBack(["a"], 24.0).as_json()["event"] == "taken back"
    line = Entry(AT, Ended("gave up", "words", 6, 4000.0)).as_json()
    assert list(line)[:2] == ["at", "event"]
    assert line == {
        "at": "2026-11-27T09:00:00+00:00", "event": "ended", "outcome": "gave up", "words": "words", "code": 6,
        "seconds": 4000.0,
    }  # fmt: skip


def test_a_figure_that_is_no_number_is_null_and_not_a_word_that_json_does_not_know():
    told = look(latency_ms={"stable": float("nan"), "canary": float("inf")}).as_json()
    assert json.loads(json.dumps(told, allow_nan=False))["latency_ms"] == {"stable": None, "canary": None}


def test_whoever_listens_hears_all_in_order_with_the_time():
    heard, times = [], iter(AT + timedelta(seconds=one) for one in range(10))
    with Journal([heard.append], now=lambda: next(times)) as journal:
        journal.tell(Waits("one"))
        journal.tell(Waits("two"))
    assert [(one.at.second, one.event.why) for one in heard] == [(0, "one"), (1, "two")]
    assert journal.entries == heard


def test_a_listener_that_is_held_up_holds_up_nobody():
    held, heard = threading.Event(), []
    journal = Journal([lambda entry: held.wait(20), heard.append])
    began = time.monotonic()
    for _ in range(3000):
        journal.tell(look())
    journal.tell(Struck(["a"], {}, 0.3))
    journal.flush(0.2)
    assert time.monotonic() - began < 3
    assert heard == []
    held.set()
    journal.flush(20)
    # Old looks are worth nothing; what was done is.
    assert len(heard) < 1100
    assert heard[-1].event.event == "struck"


def test_a_listener_that_fails_is_told_no_more_and_the_others_are(capsys):
    heard, calls = [], []

    def fails(entry):
        calls.append(entry)
        raise RuntimeError("no more ink")

    with Journal([fails, heard.append]) as journal:
        journal.tell(Waits("one"))
        journal.tell(Waits("two"))
    assert (len(calls), len(heard)) == (1, 2)
    assert capsys.readouterr().err == "warning: no more is shown: no more ink\n"


def test_the_screen_is_left_to_others_and_comes_back():
    done = []

    class Screen:
        def __call__(self, entry):
            time.sleep(0.05)
            done.append(entry.event.why)

        def stop(self):
            done.append("stop")

        def resume(self):
            done.append("resume")

    screen = Screen()
    with Journal([screen], screen=screen) as journal:
        journal.tell(Waits("before"))
        with suppress(ValueError), journal.aside():
            done.append("update")
            raise ValueError
        journal.tell(Waits("after"))
    assert done == ["before", "stop", "update", "resume", "after", "stop"]


def test_lines_of_json_survive_a_reader_that_has_gone():
    program = (
        "from eco2.climb.journal import Waits\nfrom eco2.climb.ways_out import open_journal\n"
        "with open_journal(as_json=True, report=None) as journal:\n"
        "    for number in range(20000): journal.tell(Waits('x' * 100))\n"
        "import sys; sys.stderr.write('went on')"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    first = json.loads(running.stdout.readline())
    running.stdout.close()
    assert first["event"] == "waits"
    assert running.stderr.read() == b"went on"
    assert running.wait(20) == 0


def test_standard_output_has_only_lines_of_json(capsys):
    with open_journal(as_json=True, report=None) as journal:
        journal.tell(look(service="a\nb"))
        journal.tell(Ended("well", "→", 0, 1.0))
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["looked", "ended"]


def test_what_is_remembered_of_hours_is_bounded_and_even():
    climb, memory = Climb(NAMES, soak=3600, away=(0, 0)), Memory()
    for entry in climb.entries:
        memory.add(entry)
    assert len(climb.entries) > 14000
    looks = [one for one in memory.entries if one.event.event == "looked"]
    assert MOST_LOOKS / 3 < len(looks) <= MOST_LOOKS
    done = [one for one in climb.entries if one.event.event != "looked"]
    assert [one for one in memory.entries if one.event.event != "looked"] == done
    by_phase = [sum(one.event.phase == phase for one in looks) for phase in range(2, 6)]
    assert max(by_phase) < 3 * min(by_phase)


def test_the_last_look_before_a_verdict_is_never_forgotten():
    climb, memory = Climb(NAMES[:2], sick="scan-api", soak=3600, away=(0, 0)), Memory()
    for entry in [
        *climb.entries,
        *(Entry(AT + timedelta(hours=9, seconds=5 * n), look()) for n in range(9000)),
    ]:
        memory.add(entry)
    kept = set(map(id, memory.entries))
    last = {}
    for entry in climb.entries:
        if entry.event.event == "looked":
            last[entry.event.service] = entry
        elif entry.event.event == "judged":
            assert id(last[entry.event.service]) in kept


def test_a_prometheus_that_is_away_for_hours_does_not_fill_the_memory():
    memory = Memory()
    for number in range(5000):
        memory.add(Entry(AT + timedelta(seconds=number), Waits("Prometheus does not answer")))
    assert len(memory.entries) == MOST_WAITS


def told(report, *events):
    for number, event in enumerate(events):
        report(Entry(AT + timedelta(seconds=number), event))


def test_a_report_is_whole_after_every_verdict(tmp_path):
    path = tmp_path / "report.html"
    report = ReportFile(path)
    assert not path.exists()
    told(report, *(entry.event for entry in Climb(away=(0, 0), soak=30).entries[:3]))
    assert "auth-api" in path.read_text()
    told(report, Judged("auth-api", 2, 5, "well", "told in the end", 30.0))
    assert "told in the end" in path.read_text()
    assert path.read_text().endswith("</html>\n")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_a_look_alone_writes_nothing(tmp_path):
    report = ReportFile(tmp_path / "report.html")
    told(report, look(), Waits("x"))
    assert list(tmp_path.iterdir()) == []


def begun(**more):
    given = {"promote": True, "moves": True, **more}
    return Began("prod", ["auth-api"], None, soak_seconds=1, give_up_seconds=2, images={}, phases={}, **given)


@pytest.mark.parametrize(
    "events",
    [
        (begun(), Ended("refused", "nothing was changed", 1, 2.0)),
        (begun(), Waits("the stack is locked"), Ended("interrupted", "interrupted", 130, 2.0)),
        (Ended("refused", "no such service", 1, 0.0),),
    ],
)
def test_where_nothing_was_begun_there_is_no_report(tmp_path, events):
    told(ReportFile(tmp_path / "report.html"), *events)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "events",
    [
        (begun(moves=False),),
        (begun(), look()),
        (begun(), Ended("update failed", "x", 4, 2.0)),
        (begun(), look(), Ended("interrupted", "x", 130, 2.0)),
    ],
)
def test_where_something_was_begun_there_is_one(tmp_path, events):
    told(ReportFile(tmp_path / "report.html"), *events)
    assert "auth-api" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("place", ["no/such/folder.html", "."])
def test_a_report_that_cannot_be_written_is_refused_at_the_start(tmp_path, place):
    with pytest.raises(ConfigError, match="cannot be written"):
        ReportFile(tmp_path / place)


def test_a_full_disk_later_leaves_the_last_page_and_is_told_once(tmp_path, monkeypatch, capsys):
    path = tmp_path / "report.html"
    report = ReportFile(path)
    told(report, Waits("x"), Ended("well", "the first page", 0, 1.0))
    before = path.read_text()
    assert "the first page" in before

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        told(report, Ended("well", "the second page", 0, 1.0), Ended("well", "the third page", 0, 1.0))
    assert path.read_text() == before
    assert capsys.readouterr().err.count("No space left on device") == 1
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    told(report, Ended("well", "the last page", 0, 1.0))
    assert "the last page" in path.read_text()


def test_a_report_behind_a_link_is_written_there(tmp_path):
    (tmp_path / "kept").mkdir()
    real, link = tmp_path / "kept/real.html", tmp_path / "link.html"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    told(ReportFile(link), Ended("well", "new", 0, 1.0))
    assert link.is_symlink()
    assert "new" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640

"""The scripts of the workflow `climb`, each by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from eco2.climb.events import Ended, Entry, Judged, Looked
from rollout.judge.verdict import Verdict, Weighed
from tests.conftest import ROOT
from tests.played_climb import SICK, WELL

pytestmark = pytest.mark.rare  # a run is a dozen processes; `test_climb_runs` holds the decisions


def test_of_two_climbs_of_a_service_the_second_one_ends(climb):
    title = "climb scan-api, auth-api on dev: to the last phase, soak 10m, give up 2h"
    for line, goes_on in (
        (f"99 {title}", False),
        (f"300 {title} after 98 since 5", False),  # it began before this one
        (f"300 {title}", True),  # that one ends by itself
        (f"99 {title.replace('auth-api', 'my-api')}", True),
        (f"99 {title.replace('on dev', 'on prod')}", True),
        ("99 start a climb", True),
    ):
        climb.answers = [[["run list", "climb.yml", "databaseId,displayTitle,status"], line + "\n"]]
        place = climb.runner.folder / "said"
        place.write_text("")
        climb.runner.answers = climb.answers
        environment = {"STACK": "dev", "SERVICES": "auth-api", "CHAIN": "", "TITLE": "", "REVIEWED": "false"}
        environment |= {"GITHUB_RUN_ID": "200", "GITHUB_SHA": "a" * 40, "GITHUB_OUTPUT": str(place)}
        done = climb.runner.run("climb-run.sh", **environment)
        assert done.returncode == 0, done.stderr
        assert ("words=another climb of auth-api on dev is under way" in place.read_text()) is not goes_on, (
            line
        )
        assert ("first=200" in place.read_text()) is goes_on


@pytest.mark.parametrize("services", ["auth-api; touch hit", "$(touch hit)", "", "--all", "auth-apo"])
def test_a_climb_takes_nothing_but_names(climb, services):
    assert climb.run(services=services) == ""
    assert "ended: refused" in climb.comment
    assert climb.jobs == ["look", "next"]
    assert not (climb.clone / "hit").exists()


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"soak": "10"}, "10 is no time"),
        ({"to": "9"}, "there is no phase 9"),
        ({"soak": "2h"}, "it would give up after 2h, which is not longer than the soak of 2h"),
        ({"soak": "90m", "give-up": "1h"}, "it would give up after 1h"),
        ({"to": "1", "promote": True}, "a promotion is from the last phase"),
        ({"chain": "x"}, "chain is what a run leaves"),
    ],
)
def test_what_cannot_be_is_refused_in_words(climb, inputs, why):
    chain = inputs.pop("chain", "")
    assert climb.run(chain, **inputs) == ""
    assert f"ended: refused: {why}" in climb.comment
    assert climb.phase == 0


def watch(climb, **variables):
    place = climb.runner.folder / "said"
    place.write_text("")
    environment = {
        "STACK": "dev",
        "WATCHING": "auth-api",
        "SOAK": "10m",
        "GIVE_UP": "2h",
        "SINCE": "0",
        "HOLD": "",
    }
    environment |= {"LIMIT_SECONDS": "3600", "PAUSE_SECONDS": "0", "GITHUB_OUTPUT": str(place), **variables}
    done = climb.runner.run("climb-watch.sh", cwd=climb.clone, **environment)
    assert done.returncode == 0, done.stderr
    return place.read_text()


def test_a_watch_is_no_longer_than_a_job_and_counts_on_what_went_before(climb):
    now = int(time.time())
    assert "verdict=again" in watch(climb)  # the fake judge did not take its ten minutes
    assert "--soak 600s --give-up 3600s" in climb.judged[-1]
    assert "verdict=well" in watch(climb, SINCE=str(now - 6900), SOAK="1h")
    words = climb.judged[-1].split()
    assert words[words.index("--soak") + 1] == "0s"
    assert 290 <= int(words[words.index("--give-up") + 1][:-1]) <= 300
    count = len(climb.judged)
    told = watch(climb, SINCE=str(now - 7300))
    assert "verdict=gave up" in told
    assert "words=not known after 2h at this phase" in told
    assert len(climb.judged) == count


def test_a_phase_may_soak_longer_than_a_job_and_no_soak_is_as_long_as_what_is_left(climb):
    long = {"SOAK": "6h", "GIVE_UP": "12h", "LIMIT_SECONDS": "19200"}
    assert "verdict=again" in watch(climb, **long)
    assert "--soak 19199s --give-up 19200s" in climb.judged[-1]
    now = int(time.time())
    assert "verdict=well" in watch(climb, SINCE=str(now - 6 * 3600), **long)
    assert "verdict=well" in watch(climb, SINCE=str(now - 6700), HOLD="main holds changes")
    words = climb.judged[-1].split()
    assert words[words.index("--give-up") + 1] in ("500s", "499s", "498s")
    count = len(climb.judged)
    now = int(time.time())
    assert "verdict=refused" not in watch(climb, SINCE=str(now - 7197), SOAK="7199s")
    assert len(climb.judged) == count + 1


def test_a_judge_that_does_not_take_what_it_is_asked_is_no_outage(climb):
    climb.judges(["x", 2])
    told = watch(climb)
    assert "verdict=refused" in told
    assert "words=eco2 judge does not take what it was called with" in told
    assert len(climb.judged) == 1


def test_a_watch_that_may_not_step_up_takes_its_time(climb):
    now = str(int(time.time()) - 3600)
    assert "verdict=well" in watch(climb, SINCE=now, HOLD="main holds changes")
    assert "--soak 600s" in climb.judged[-1]
    climb.judges(SICK)
    assert "verdict=sick" in watch(climb, SINCE=now, HOLD="main holds changes")


def test_an_outage_of_a_minute_is_no_refusal(climb):
    climb.judges(["x", 1], ["x", 1], WELL)
    assert "verdict=well" in watch(climb, SOAK="0s")
    climb.judges(*[["x", 1]] * 6)
    count = len(climb.judged)
    assert "verdict=refused" in watch(climb)
    assert len(climb.judged) == count + 5


def test_the_page_reads_what_the_judge_really_prints(climb):
    parts = (
        Weighed("failed", "sick", "12 of 400 <b>", 1.0, 0.1),
        Weighed("pods", "not known", "the API server is away"),
    )
    looked = Looked(
        "auth-api", 2, 5, 40.0, {"stable": 7600.0}, {"stable": 8.0}, {}, Verdict("auth-api", "sick", parts)
    )
    events = (
        looked,
        Judged("auth-api", 2, 5, "sick", "12 of 400", 90.0),
        Ended("sick", "it is sick", 5, 91.0),
    )
    lines = [json.dumps(Entry(datetime.now(UTC), one).as_json()) for one in events]
    (climb.clone / "climb.jsonl").write_text("\n".join(lines))
    script = ROOT / ".github/scripts/climb-verdict.py"
    done = subprocess.run(
        [sys.executable, script, "climb.jsonl"], cwd=climb.clone, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "auth-api is sick after 1 min 30 s: 12 of 400",
        "**auth-api** at phase 2 (5 %)",
        "",
        "| | stable | canary |",
        "|---|---|---|",
        "| requests | 7,600 | not known |",
        "| failed | 8 | not known |",
        "| latency | not known | not known |",
        "",
        "- failed: **sick** (100 % of the evidence for sick, 10 % of the evidence for well): 12 of 400 \\<b\\>",
        "- pods: **not known**: the API server is away",
        "",
        "it is sick",
    ]


def test_a_climb_that_is_called_gets_runs_of_its_own(climb):
    called = {
        "stack": "dev",
        "services": "auth-api",
        "called": True,
        "soak": "10m",
        "give-up": "2h",
        "promote": True,
    }
    climb.flow.run(500, **called)
    assert climb.jobs == ["start"]
    (call,) = climb.runner.calls()
    assert call["arguments"][:3] == ["workflow", "run", "climb.yml"]
    assert {"stack=dev", "services=auth-api", "to=", "promote=true", "soak=10m", "give-up=2h"} <= set(
        call["arguments"]
    )
    assert "--field" not in call["arguments"]  # which would read @files


def asked_once(url):
    script = ROOT / ".github/scripts/prometheus.py"
    environment = {"ECO2_PROMETHEUS_URL": url, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )


def test_prometheus_is_asked_before_there_is_a_canary(server):
    assert asked_once(server.url).stdout == "no canary was there to be watched\n"
    for url in ("http://127.0.0.1:9", ""):
        refused = asked_once(url)
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert "Prometheus" in refused.stderr
        assert "without it no canary is known to be well, so none is brought up" in refused.stderr

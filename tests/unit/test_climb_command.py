"""`eco2 climb` and `eco2 judge` from the command line, with a Pulumi that only does what the file says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from eco2.climb import stack_site
from eco2.climb.journal import Journal
from eco2.climb.request import ClimbRequest
from eco2.judge.watch import Watch
from rollout.climb.steps import Goal
from rollout.judge.judging import Earlier, Reading
from rollout.judge.observations import Counts
from rollout.judge.signs import PodLook
from tests.api_server import ApiServer
from tests.conftest import ROOT
from tests.desk import IMAGE
from tests.mountain import AWAY, BAD, GOOD
from tests.terminal import ESCAPE, HIDE, SHOW, Terminal

OBEDIENT = """#!/bin/sh
case "$*" in
  "stack export "*) cat "{folder}/state.json"; exit 0;;
  "stack history "*) echo "[]"; exit 0;;
  "preview "*) echo '{{"steps": []}}'; exit 0;;
  "refresh "*) exit 0;;
  "cancel "*) rm -f "{folder}/locked"; exit 0;;
  "up "*)
    echo "$*" >> "{folder}/updates"
    if [ -e "{folder}/locked" ]; then cat "{folder}/locked" >&2; exit 255; fi
    echo "updating as asked"
    if [ -e "{folder}/slow" ]; then
      trap 'echo >> "{folder}/ended"; exit 3' INT
      sleep 20 & wait
    fi
    if [ -e "{folder}/stubborn" ]; then
      trap 'echo >> "{folder}/asked"' INT
      sleep 2 & wait; wait
    fi
    [ "$(cat "{folder}/code")" = 0 ] || exit 255
    cd "{root}" && exec "{python}" -m tests.obedient "{folder}";;
esac
exit 9
"""
OPTIONS = (
    "--prometheus",
    "http://127.0.0.1:1",
    "--soak",
    "0s",
    "--give-up",
    "60s",
    "--look-every",
    "10ms",
    "--yes",
)


@pytest.fixture
def cluster(tmp_path, monkeypatch, desk):
    """A cluster in which the canaries of auth-api and scan-api are ready, and a Pulumi that does what the file says."""
    program = tmp_path / "bin" / "pulumi"
    program.write_text(OBEDIENT.format(folder=desk.folder, root=ROOT, python=sys.executable))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        for name, namespace in (("auth-api", "auth"), ("scan-api", "scan")):
            running.canary(namespace, name, f"{IMAGE}{name}-dev-canary")
            running.routes(namespace, name, 20)
        yield running


@pytest.fixture
def sees(monkeypatch):
    """What the judge sees of each canary, by service and weight."""
    seen = {}

    def look(_, weights):
        counts = {name: seen.get((name, weight), GOOD) for name, weight in weights.items()}
        return {name: Reading(time.time(), one, one, PodLook(1, 1, {})) for name, one in counts.items()}

    monkeypatch.setattr(Watch, "look", look)
    monkeypatch.setattr("eco2.change.canaries.fallen_back", lambda *_: {})
    monkeypatch.setattr(Watch, "earlier", lambda *_: Earlier(Counts(9999, 9), Counts(9999, 9)))
    return seen


def phases(desk):
    entries = yaml.safe_load(desk.file.read_text())["config"]["eco2:rollouts"]
    return {name: entry["phase"] for name, entry in entries.items()}


def told(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def messages(desk):
    return [line.partition("--message ")[2] for line in desk.updates]


def test_it_climbs_to_a_phase_by_one_update_each(desk, cluster, sees):
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert phases(desk) == {"auth-api": 3}
    assert [message.partition(":")[0] for message in messages(desk)] == [
        "climb auth-api 0 → 1",
        "climb auth-api 1 → 2",
        "climb auth-api 2 → 3",
    ]
    assert all("canary image auth-api-dev-canary" in message for message in messages(desk))
    assert "auth-api: phase 0 → 1 → 2 → 3" in done.stdout
    assert "updating as asked" in done.stdout


def test_it_promotes_in_the_end(desk, cluster, sees):
    desk.says(auth_api="{phase: 4, canary: {tag: auth-api-0.8.0}}")
    desk.left(auth_api=(4, 50, "auth-api-0.8.0"))
    cluster.canary("auth", "auth-api", f"{IMAGE}auth-api-0.8.0")
    done = desk.run("climb", "auth-api", "--promote", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert phases(desk) == {"auth-api": 0}
    assert "auth-api: {image: {tag: auth-api-0.8.0}}" in desk.file.read_text()
    assert len(desk.updates) == 2
    # Once more, and there is nothing to do.
    assert desk.run("climb", "auth-api", "--promote", *OPTIONS).exit_code == 0
    assert len(desk.updates) == 2


def test_with_json_standard_output_has_events_alone(desk, cluster, sees):
    done = desk.run("climb", "auth-api", "--to", "2", "--json", *OPTIONS)
    assert done.exit_code == 0, done.output
    events = told(done)
    assert [one["event"] for one in events if one["event"] != "looked"] == [
        *("began", "raised", "judged", "raised", "judged", "ended"),
    ]
    assert events[0]["stack"] == "dev"
    assert events[0]["images"]["auth-api"]["canary"] == "auth-api-dev-canary"
    assert events[-1]["outcome"] == "arrived"
    assert events[-1]["code"] == 0
    assert all(one["at"] for one in events)
    assert "from phase 0 (off) to phase 1" in done.stderr


def test_a_sick_canary_is_taken_back_with_all_that_climb(desk, cluster, sees):
    desk.says(auth_api="{phase: 3}", scan_api="{phase: 3}")
    desk.left(auth_api=(3, 20, "auth-api-dev-canary"), scan_api=(3, 20, "scan-api-dev-canary"))
    sees["scan-api", 20] = BAD
    done = desk.run("climb", "auth-api", "scan-api", "--json", *OPTIONS)
    assert done.exit_code == 5, done.output
    for name, namespace in (("auth-api", "auth"), ("scan-api", "scan")):
        assert cluster.subsets(namespace, name) == {"stable"}
    assert phases(desk) == {"auth-api": 0, "scan-api": 0}
    events = {one["event"]: one for one in told(done)}
    assert events["struck"]["seconds"] < 1
    assert list(events["struck"]["why"]) == ["scan-api"]
    assert events["taken back"]["services"] == ["auth-api", "scan-api"]
    assert events["ended"]["outcome"] == "sick"
    (message,) = messages(desk)
    assert message.startswith("climb takes back auth-api 3 → 0, scan-api 3 → 0: sick after 0 s: scan-api: ")
    assert "all traffic to stable after" in done.stderr


def test_routes_that_are_refused_end_it_as_an_abort_ends(desk, cluster, sees, monkeypatch):
    monkeypatch.setattr("eco2.climb.back.PATIENCE_SECONDS", 0.0)
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(3, 20, "auth-api-dev-canary"))
    sees["auth-api", 20] = BAD
    cluster.refusals = dict.fromkeys(cluster.objects, "no")
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 1
    assert "run it again: eco2 abort auth-api --stack dev" in done.output


def test_a_step_that_an_earlier_run_wrote_is_finished(desk, cluster, sees):
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert [message.partition(";")[0] for message in messages(desk)] == [
        "climb auth-api 2 → 3: goes on with what was written before"
    ]


def test_an_update_that_fails_ends_it(desk, cluster, sees):
    (desk.folder / "code").write_text("1")
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 4
    assert phases(desk) == {"auth-api": 1}
    assert "eco2 abort auth-api --stack dev" in done.output


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (
            "currently locked by 1 lock(s)\n  created by ann@elsewhere (pid 7)",
            "(created by ann@elsewhere (pid 7))",
        ),
        ("currently locked by 1 lock(s)\n  created by ann@{host} (pid 4194305)", "`eco2 recover --stack dev"),
    ],
)
def test_a_locked_stack_keeps_the_file_as_it_was(desk, cluster, sees, lock, words):
    text = "error: the stack is " + lock.format(host=os.uname().nodename)
    (desk.folder / "locked").write_text(text)
    before = desk.file.read_text()
    done = desk.run("climb", "auth-api", *OPTIONS, "--give-up", "1s")
    assert done.exit_code == 6, done.output
    assert words in " ".join(done.stdout.split())
    assert desk.file.read_text() == before
    assert len(desk.updates) > 2


def test_a_guard_that_refuses_changes_nothing(desk, cluster, sees):
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(1, 0, "auth-api-dev-canary"))
    before = desk.file.read_text()
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 1
    assert "a climb skips no phase: `eco2 advance auth-api --to 2 --stack dev" in done.output
    assert desk.file.read_text() == before
    assert desk.updates == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("climb", "auth-api"), 2, "nobody is there to be asked; add --yes"),
        (("climb", "auth-api", "--yes", "--to", "3", "--promote"), 2, "choose one"),
        (("climb", "auth-api", "--yes", "--soak", "ten"), 2, "no duration"),
        (("climb", "auth-api", "--yes", "--soak", "2h"), 2, "make --give-up longer"),
        (("climb", "auth-api", "--yes"), 1, "nobody counts its requests"),
        (("judge", "auth-api"), 1, "--prometheus URL, or ECO2_PROMETHEUS_URL"),
        (("climb", "auth", *OPTIONS), 1, "did you mean auth-api?"),
        (("climb", "auth-api", *OPTIONS, "--prometheus", "nonsense"), 1, "is no URL of a Prometheus"),
        (("judge", "auth-api", *OPTIONS[:-1]), 1, "at phase 0 none runs"),
    ],
)
def test_what_cannot_begin(desk, cluster, arguments, code, words):
    done = desk.run(*arguments)
    assert done.exit_code == code, done.output
    assert words in " ".join(done.output.split())
    assert desk.updates == []


def test_a_worker_needs_no_prometheus(desk, cluster, sees):
    done = desk.run("climb", "my-worker", "--yes", "--soak", "0s", "--give-up", "1s", "--look-every", "50ms")
    # It has no check of its own, so nobody can call it well.
    assert done.exit_code == 6, done.output
    assert "add one under judge.checks" in " ".join(done.output.split())
    assert phases(desk) == {"my-worker": 1}


def test_whoever_edits_the_file_wins(desk, cluster, sees, monkeypatch):
    desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    sees["auth-api", 5] = AWAY
    text, looks = desk.file.read_text(), iter(range(100))
    look = Watch.look

    def and_somebody_writes(watch, weights):
        number = next(looks)
        if number == 2:  # what others do is no reason to end
            desk.file.write_text(text + "# somebody else\n")
        if number == 6:
            desk.file.write_text(text.replace("phase: 2", "phase: 0"))
        return look(watch, weights)

    monkeypatch.setattr(Watch, "look", and_somebody_writes)
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 7, done.output
    assert "the file asks for phase 0, and this climb left it at phase 2" in " ".join(done.output.split())
    assert next(looks) == 7
    assert desk.updates == []


def test_an_update_of_somebody_else_is_seen(desk, cluster, sees, monkeypatch):
    monkeypatch.setattr("eco2.climb.others.STATE_SECONDS", 0.0)
    desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    sees["auth-api", 5] = AWAY
    monkeypatch.setattr(stack_site.StackSite, "who", lambda _: "by ann: by hand")
    begin = Watch.begin_phase
    monkeypatch.setattr(
        Watch, "begin_phase", lambda watch: (begin(watch), desk.left(auth_api=(3, 20, "auth-api-dev-canary")))
    )
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 7, done.output
    assert "an update brought it to phase 3" in done.output
    assert "by ann: by hand" in done.output


def test_a_judge_moves_nothing(desk, cluster, sees):
    desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    before = desk.file.read_text()
    assert desk.run("judge", "auth-api", *OPTIONS[:-1]).exit_code == 0
    sees["auth-api", 5] = BAD
    assert desk.run("judge", "auth-api", *OPTIONS[:-1]).exit_code == 5
    sees["auth-api", 5] = AWAY
    assert desk.run("judge", "auth-api", *OPTIONS[:-1], "--give-up", "1s").exit_code == 6
    assert (desk.file.read_text(), desk.updates) == (before, [])
    assert cluster.subsets("auth", "auth-api") == {"stable", "canary"}


def begun(desk, *arguments):
    """A climb in a process of its own, whose Prometheus is away for ever."""
    command = [
        "env",
        "--default-signal=INT",
        sys.executable,
        "-m",
        "eco2",
        "climb",
        "auth-api",
        "--stack",
        "dev",
    ]
    return subprocess.Popen(
        [*command, *OPTIONS, *arguments],
        cwd=desk.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(what):
    for _ in range(600):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_to_go_on_keeps_the_options_that_matter(tmp_path, monkeypatch):
    monkeypatch.delenv("ECO2_PROMETHEUS_URL", raising=False)
    request = ClimbRequest(
        tmp_path, "dev", ("auth-api",), Goal(), True, "http://127.0.0.1:1", report=Path("a page.html")
    )
    assert request.command.endswith(" --prometheus http://127.0.0.1:1 --report 'a page.html'")
    assert "--report" not in replace(request, report=None).command


def test_a_refusal_before_anything_says_so_once_and_writes_no_page(desk, cluster):
    done = desk.run("climb", "auth", "--report", "climb.html", *OPTIONS)
    assert done.exit_code == 1
    assert done.output.count("nothing was changed") == 1
    assert not (desk.folder / "climb.html").exists()


def test_help_says_how_a_time_is_written(desk):
    told = " ".join(desk.run("climb", "--help").output.replace("│", " ").split())
    assert told.count("90s, 10m, 1h30m") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_the_end_of_a_job_leave_it_where_it_is(desk, cluster, number):
    desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    with begun(desk, "--json") as running:
        assert json.loads(running.stdout.readline())["event"] == "began"
        assert json.loads(running.stdout.readline())["event"] == "looked"
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    ended = json.loads(out.splitlines()[-1])
    assert ended["outcome"] == "interrupted"
    assert "auth-api at phase 2 (5 %)" in ended["words"]
    assert (
        "To go on: `eco2 climb auth-api --stack dev --soak 0s --give-up 1m --prometheus http://127.0.0.1:1`"
        in ended["words"]
    )
    assert phases(desk) == {"auth-api": 2}
    assert desk.updates == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_a_job_lets_pulumi_end_its_update_in_good_order(desk, cluster, number):
    (desk.folder / "slow").touch()
    with begun(desk) as running:
        wait_for(lambda: desk.updates)
        time.sleep(0.5)
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130, out + err
    assert (desk.folder / "ended").exists()
    assert "The file is written, and the stack is not what it says" in " ".join(out.split())


def test_an_update_that_ends_well_after_all_is_the_last_one(desk, cluster):
    (desk.folder / "stubborn").touch()
    with begun(desk, "--json") as running:
        wait_for(lambda: desk.updates)
        time.sleep(0.5)
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130, out + err
    assert (desk.folder / "asked").exists()
    events = [json.loads(line) for line in out.splitlines()]
    assert [one["event"] for one in events] == ["began", "raised", "ended"]
    assert "auth-api at phase 1 (header only)" in events[-1]["words"]
    assert len(desk.updates) == 1


def test_at_a_terminal_it_asks_and_the_view_leaves_room_for_pulumi(desk, cluster):
    command = [sys.executable, "-m", "eco2", "climb", "auth-api", "--stack", "dev"]
    # A look finds no pods here: three would call it sick.
    options = (*OPTIONS[:-1], "--look-every", "20s", f"--project={desk.folder}")
    terminal = Terminal([*command, *options], dict(os.environ), columns=80)
    terminal.until(r"Climb on dev\? \[y/N\]")
    assert desk.updates == []
    time.sleep(0.5)
    os.write(terminal._line, b"y\n")
    assert terminal.until("updating as asked")
    terminal.until("auth-api")
    assert terminal.interrupt() == 130
    plain = ESCAPE.sub(b"", terminal.seen).decode()
    assert "updating as asked" in [line.strip("\r") for line in plain.split("\n")]
    assert terminal.seen.rindex(SHOW) > terminal.seen.rindex(HIDE)
    assert phases(desk) == {"auth-api": 1}


def test_what_somebody_has_prepared_for_another_service_is_not_brought_along(desk, cluster, sees):
    desk.says(scan_api="{phase: 3}")
    desk.left(scan_api=(2, 5, "scan-api-dev-canary"))
    before = desk.file.read_text()
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS)
    assert done.exit_code == 1, done.output
    words = " ".join(done.output.split())
    assert "also do what is not of this climb: scan-api from 5 % → 20 %" in words
    assert "`pulumi up --stack dev`, or take it out of Pulumi.dev.yaml" in words
    assert (desk.file.read_text(), desk.updates) == (before, [])


def test_what_somebody_prepares_while_it_climbs_is_waited_for(desk, cluster, sees, monkeypatch):
    text = desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    look, looks = Watch.look, iter(range(100))

    def and_somebody_writes(watch, weights):
        desk.file.write_text(text.replace("  # kept", "\n    scan-api: {phase: 1}", 1)) if next(
            looks
        ) == 0 else None
        return look(watch, weights)

    monkeypatch.setattr(Watch, "look", and_somebody_writes)
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS, "--give-up", "1s")
    assert done.exit_code == 6, done.output
    assert "scan-api from off → the header alone" in " ".join(done.output.split())
    assert desk.updates == []


@pytest.mark.parametrize("kept", [False, True])
def test_an_end_before_pulumi_starts_takes_the_step_out_of_the_file(desk, cluster, sees, monkeypatch, kept):
    before = desk.file.read_text()

    @contextmanager
    def ended_meanwhile(journal):
        if "phase: 1" in desk.file.read_text():
            signal.raise_signal(signal.SIGINT)
            if kept:
                monkeypatch.setattr("eco2.climb.step_update.write_text", refuses)
        yield

    def refuses(*_):
        raise OSError("no space")

    monkeypatch.setattr(Journal, "aside", ended_meanwhile)
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 130, done.output
    assert desk.updates == []
    if kept:
        words = " ".join(done.output.split())
        assert "the step cannot be taken out of Pulumi.dev.yaml: no space. The file is written" in words
    else:
        assert desk.file.read_text() == before


def test_an_image_that_no_update_has_brought_yet_is_not_judged_in_its_place(desk, cluster):
    desk.says(auth_api="{phase: 1, canary: {tag: auth-api-0.8.0}}")
    desk.left(auth_api=(1, 0, "auth-api-dev-canary"))
    done = desk.run("climb", "auth-api", *OPTIONS)
    told = " ".join(done.output.split())
    assert done.exit_code == 1
    assert (
        "auth-api: the file asks for the canary image auth-api-0.8.0, and the last update left auth-api-dev-canary; "
        "do it first: `pulumi up --stack dev`" in told
    )
    assert desk.updates == []

"""`eco2 climb` as a process of its own: Ctrl-C, the end of a job, a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from eco2.climb.journal import Journal
from tests.climb_desk import OPTIONS, phases
from tests.terminal import ESCAPE, HIDE, SHOW, Terminal


def begun(desk, *arguments):
    """A climb in a process of its own; its Prometheus is away for ever, unless another one is named."""
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
def test_the_end_of_a_job_lets_pulumi_end_its_update_in_good_order(desk, cluster, counting, number):
    (desk.folder / "slow").touch()
    with begun(desk, "--prometheus", counting.url) as running:
        wait_for(lambda: desk.updates)
        time.sleep(0.5)
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130, out + err
    assert (desk.folder / "ended").exists()
    assert "The file is written, and the stack is not what it says" in " ".join(err.split())


def test_an_update_that_ends_well_after_all_is_the_last_one(desk, cluster, counting):
    (desk.folder / "stubborn").touch()
    with begun(desk, "--json", "--prometheus", counting.url) as running:
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


def test_at_a_terminal_it_asks_and_the_view_leaves_room_for_pulumi(desk, cluster, counting):
    command = [sys.executable, "-m", "eco2", "climb", "auth-api", "--stack", "dev"]
    # A look finds no pods here: three would call it sick.
    options = (*OPTIONS[:-1], "--prometheus", counting.url, "--look-every", "20s", f"--project={desk.folder}")
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

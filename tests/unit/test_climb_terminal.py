"""The live view of a climb on a terminal of its own, and on what is none."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.terminal import ESCAPE, HIDE, SHOW, Terminal

PLAY = [sys.executable, "-m", "tests.climbs", "play"]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


@pytest.mark.whole
def test_piped_output_has_no_codes_and_survives_a_reader_that_has_gone():
    environment = {**ENVIRONMENT, "FORCE_COLOR": "1"}
    running = subprocess.Popen(
        [*PLAY, "--speed", "2000", "--services", "3"], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "\x1b" not in "".join(running.stdout.readline() for _ in range(8))
    running.stdout.close()
    assert running.wait(60) in {0, 1}
    assert "Traceback" not in running.stderr.read()


def picture(terminal):
    return ESCAPE.sub(b"", terminal.seen).decode("utf-8", "replace")


@pytest.mark.whole
@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_sees_it_live_and_keeps_what_was_done(columns):
    terminal = Terminal(
        [*PLAY, "--speed", "400", "--services", "3", "--sick", "my-api"], ENVIRONMENT, columns, 24
    )
    before = terminal.attributes()
    terminal.until(r"well █+ 100 %")
    terminal.until(r"sick after 22 min.* my-api is sick; all are back at phase 0", 60)
    terminal.read(2)
    assert terminal._process.wait(20) == 0
    assert terminal.seen.count(HIDE) == terminal.seen.count(SHOW)
    assert terminal.attributes() == before
    seen = picture(terminal)
    assert max(len(line.strip("\r")) for line in re.split(r"[\r\n]+", seen)) <= columns
    assert seen.count("Updating (prod):") == 3
    assert seen.count("taken back in 24 s") == 1


@pytest.mark.whole
def test_ctrl_c_leaves_the_terminal_as_it_was():
    terminal = Terminal([*PLAY, "--speed", "20"], ENVIRONMENT, 80, 24)
    before = terminal.attributes()
    terminal.until(r"of 10:00 to soak")
    assert terminal.interrupt() in {1, 130, -signal.SIGINT}
    assert terminal.seen.count(HIDE) == terminal.seen.count(SHOW)
    assert terminal.attributes() == before


@pytest.mark.whole
def test_another_width_is_drawn_anew():
    terminal = Terminal([*PLAY, "--speed", "20", "--services", "3"], ENVIRONMENT, 120, 30)
    terminal.until(r"of 10:00 to soak")
    terminal.resize(60, 30)
    terminal.read(1.5)
    start = len(terminal.seen)
    terminal.read(1.5)
    later = ESCAPE.sub(b"", terminal.seen[start:]).decode("utf-8", "replace")
    assert "auth-api" in later
    assert max(map(len, re.split(r"[\r\n]+", later))) <= 60
    terminal.interrupt()


@pytest.mark.whole
def test_without_colours_nothing_is_coloured():
    terminal = Terminal([*PLAY, "--speed", "200"], {**ENVIRONMENT, "NO_COLOR": "1"}, 80, 24)
    terminal.until(r"well █+ 100 %")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7][;m]", terminal.seen)
    terminal.interrupt()


@pytest.mark.whole
def test_a_terminal_that_can_draw_nothing_gets_plain_lines():
    running = Terminal(["env", "TERM=dumb", *PLAY, "--speed", "4000"], ENVIRONMENT, 80, 24)
    running.until("promoted after")
    assert b"\x1b" not in running.seen
    assert running._process.wait(20) == 0

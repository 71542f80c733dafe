"""A status that goes on, on a terminal and into a pipe, with a cluster that never answers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT
from tests.terminal import ESCAPE, Terminal, heed_ctrl_c

COMMAND = [sys.executable, "-m", "eco2", "status", "auth-api", "-w", "--stack", "dev", "--project", str(ROOT)]


@pytest.fixture
def environment(tmp_path):
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncontexts: [{name: eco2-dev, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\nusers: [{name: u, user: {}}]\n"
    )
    return {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT)}


def test_ctrl_c_leaves_the_terminal_as_it_was(environment):
    terminal = Terminal(COMMAND, environment)
    before = terminal.attributes()
    terminal.until(r"does not answer")
    terminal.until(r"since \d\d:\d\d:\d\d, [1-9]\d?s")
    assert terminal.interrupt() == 130
    terminal.assert_clean()
    assert terminal.attributes() == before


def test_a_resize_is_drawn_in_the_new_width(environment):
    terminal = Terminal(COMMAND, environment)
    terminal.until(r"does not answer")
    # Dragging a window's edge sends signals faster than they are handled.
    for columns in range(1000, 59, -1):
        terminal.resize(columns, 12)
    start = len(terminal.seen)
    deadline, widest, drawn = time.monotonic() + 20, 120, ""
    while widest > 60 and time.monotonic() < deadline:
        terminal.read(1)
        # The last picture but one is whole.
        *_, picture, _ = b"", b"", *terminal.seen[start:].split(b"\x1b[H")
        drawn = ESCAPE.sub(b"", picture).decode("utf-8", "replace")
        widest = max(map(len, drawn.splitlines()), default=120)
    assert widest <= 60
    assert "does not answer" in drawn
    assert terminal.interrupt() == 130


def test_into_a_pipe_a_loss_is_told_once_and_without_codes(environment):
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    watching = subprocess.Popen(COMMAND, env=environment, preexec_fn=heed_ctrl_c, **output)  # noqa: PLW1509
    first = watching.stdout.readline() + watching.stdout.readline()
    time.sleep(4)
    watching.send_signal(signal.SIGINT)
    rest, _ = watching.communicate(timeout=10)
    assert watching.returncode == 130
    out = (first + rest).decode()
    assert "\x1b" not in out
    assert len(re.findall("does not answer", out)) == 1, out
    assert "Traceback" not in out

"""Commands that move a rollout, with a person at the terminal who answers."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terminal import take_terminal


def at_terminal(desk, answer, *arguments):
    """Runs a command at a terminal of its own, and answers its question."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "eco2", *arguments, "--stack", "dev"]
    running = subprocess.Popen(
        command,
        cwd=desk.folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509  # two calls of the system
    )
    os.close(slave)
    seen = b""
    try:
        while b"[y/N]" not in seen:
            seen += read(master, seen)
        await_sleep(running.pid)
        answer(master)
        try:
            while part := read(master, seen):
                seen += part
        except OSError:  # how a terminal ends on Linux
            pass
        return running.wait(timeout=30), seen.decode()
    finally:
        running.kill()
        os.close(master)


def read(master, seen):
    """What comes next; a command that says nothing for a minute fails the test instead of hanging it."""
    assert select.select([master], [], [], 60)[0], seen
    return os.read(master, 4096)


def await_sleep(pid):
    """Until a command sits at its question: Python loses a Ctrl-C between the words and the read.

    A signal in those microseconds sets a flag that nobody looks at before the read ends, so the next
    key ends the question instead; a person cannot be that quick, a test on a busy machine is.
    """
    asleep = 0
    for _ in range(600):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        asleep = asleep + 1 if state == "S" else 0
        if asleep == 4:
            return
        time.sleep(0.05)
    raise AssertionError("the command asks and never waits for an answer")


def typed(text):
    return lambda master: os.write(master, text)


def test_a_yes_writes_and_updates(desk):
    code, seen = at_terminal(desk, typed(b"y\n"), "advance", "auth-api")
    assert code == 0, seen
    assert "Write the file and update dev? [y/N]" in seen
    assert len(desk.updates) == 1


@pytest.mark.parametrize("key", [b"n\n", b"\n", b"\x03", b"\x04"])
def test_a_no_and_ctrl_c_leave_the_file_as_it_was(desk, key):
    before = desk.file.read_bytes()
    code, seen = at_terminal(desk, typed(key), "advance", "auth-api")
    assert code == 1, seen
    assert "Traceback" not in seen
    assert desk.file.read_bytes() == before
    assert desk.updates == []


def test_ctrl_c_during_an_update_lets_pulumi_end_it_in_good_order(desk):
    (desk.folder / "slow").touch()

    def answer(master):
        os.write(master, b"y\n")
        seen = b""
        while b"updating" not in seen:
            seen += os.read(master, 4096)
        os.write(master, b"\x03")

    code, seen = at_terminal(desk, answer, "advance", "auth-api")
    assert code == 4, seen
    assert (desk.folder / "ended").exists()
    assert "run: `pulumi up --stack dev`" in seen


def test_a_file_that_changed_while_the_question_stood_is_not_overwritten(desk):
    def answer(master):
        desk.file.write_text(desk.file.read_text() + "# somebody else\n")
        os.write(master, b"y\n")

    code, seen = at_terminal(desk, answer, "advance", "auth-api")
    assert code == 1
    assert "changed by somebody else" in seen
    assert "phase: 1}" not in desk.file.read_text()
    assert desk.updates == []

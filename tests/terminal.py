"""A terminal for a command, to see what it draws and how it leaves it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

ALTERNATE, MAIN = b"\x1b[?1049h", b"\x1b[?1049l"
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def heed_ctrl_c():
    """What a child does first: a shell that runs the tests in the background has them ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def take_terminal():
    """The same, and the terminal's Ctrl-C is for this child."""
    heed_ctrl_c()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A command on a terminal of its own; `seen` has everything that it wrote."""

    def __init__(
        self, command: list[str], environment: dict[str, str], columns: int = 120, lines: int = 40
    ) -> None:
        self.seen = b""
        self._line, self._end = pty.openpty()
        fcntl.ioctl(self._line, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        # A fixed width in the environment would hide the terminal's own.
        inherited = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            command,
            env={**inherited, "TERM": "xterm-256color"},
            stdin=self._end,
            stdout=self._end,
            stderr=self._end,
            start_new_session=True,
            preexec_fn=take_terminal,  # noqa: PLW1509  # two calls of the system
        )

    def resize(self, columns, lines):
        fcntl.ioctl(self._line, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._process.send_signal(signal.SIGWINCH)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._line], [], [], left)[0]:
                self.seen += os.read(self._line, 65536)

    def until(self, text, seconds=60):
        """Reads until a picture that was drawn from now on holds a text; returns that picture in plain letters."""
        start, end = len(self.seen), time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.3)
            plain = ESCAPE.sub(b"", self.seen[start:]).decode("utf-8", "replace")
            if re.search(text, plain):
                return plain
        raise AssertionError(f"no {text!r} in {plain[-3000:]}")

    def interrupt(self):
        """Ctrl-C as the terminal sends it; the exit code."""
        os.write(self._line, b"\x03")
        self.read(3)
        return self._process.wait(10)

    def assert_clean(self):
        """The alternate screen was entered and left once, and the cursor is there again."""
        assert self.seen.count(ALTERNATE) == self.seen.count(MAIN) == 1
        assert self.seen.rindex(MAIN) > self.seen.rindex(ALTERNATE)
        assert self.seen.rindex(SHOW) > self.seen.rindex(HIDE)

    def attributes(self):
        return termios.tcgetattr(self._line)

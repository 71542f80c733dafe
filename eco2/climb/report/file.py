"""The file of `--report`: whole at any moment, also after a kill."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eco2.climb.memory import Memory
from eco2.climb.report.page import page
from eco2.terminal.climb.scene import is_under_way
from eco2.terminal.output import say_if_possible
from rollout.problems import ConfigError, Problem

if TYPE_CHECKING:
    from eco2.climb.events import Entry

WORTH_WRITING: Final = ("began", "raised", "judged", "struck", "taken back", "promoted", "ended")


BEFORE_ANYTHING: Final = ("refused", "interrupted")
"""Ends of which there is no page, where nothing was begun."""


class ReportFile:
    """Writes the page at every verdict and whenever something was done; none where nothing is begun."""

    def __init__(self, path: Path) -> None:
        """Looks whether the file can be written; it is not touched yet.

        Raises:
            ConfigError: If it cannot.
        """
        self._path = path
        self._memory = Memory()
        self._failed = ""
        self._under_way = self._asks = False
        try:
            if path.is_dir():
                raise IsADirectoryError(0, "it is a folder")
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError(0, "it may not be written")
            _scratch(path).unlink()
        except OSError as error:
            raise ConfigError([Problem(str(path), "", f"cannot be written: {error.strerror}")]) from None

    def __call__(self, entry: Entry) -> None:
        """Takes one more event. A full disk is told of once, and tried again at the next verdict."""
        self._memory.add(entry)
        event, was_under_way = entry.event, self._under_way
        self._under_way = was_under_way or is_under_way(event)
        self._asks = self._asks or event.event == "began"
        # With the first look the answer is known, and `began` has its page at last.
        answered = self._asks and self._under_way and not was_under_way
        begun = self._under_way or (event.event == "ended" and event.outcome not in BEFORE_ANYTHING)
        if not begun or not (answered or event.event in WORTH_WRITING):
            return
        try:
            _write(self._path, page(self._memory.entries))
        except OSError as error:
            if error.strerror != self._failed:
                say_if_possible(
                    f"warning: {self._path} cannot be written ({error.strerror}); it is as it was", err=True
                )
            self._failed = error.strerror or "?"
        else:
            self._failed = ""


def _write(path: Path, text: str) -> None:
    """Replaces the file in one step; a symbolic link stays one."""
    path = path.resolve()
    scratch = _scratch(path)
    try:
        with scratch.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        scratch.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def _scratch(path: Path) -> Path:
    """A new empty file beside it, whose name is in .gitignore: a command that is killed leaves it behind."""
    handle, name = tempfile.mkstemp(prefix=f".eco2-{path.name}-", dir=path.resolve().parent)
    os.close(handle)
    return Path(name)

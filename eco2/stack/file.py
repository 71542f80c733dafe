"""A stack's file: read as text, changed at single keys, replaced in one step."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eco2.yaml_text import Edit, edited
from rollout.problems import ConfigError, Problem
from rollout.spec.files import unreadable
from rollout.spec.yaml_bounds import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLLOUTS = ("config", "eco2:rollouts")


def set_phase_off(file: Path, service: str) -> bool:
    """Sets a service's phase to 0 and drops a weight that overrides it.

    Args:
        file: The stack's file.
        service: The service; without an entry it is at phase 0 already.

    Returns:
        Whether the file had to be changed.

    Raises:
        ConfigError: If the file is no YAML, or the entry stands behind an alias.
        OSError: If it cannot be written; it is then as it was.
    """
    entry = (*ROLLOUTS, service)
    with alone(file):
        before = read_text(file)
        # A phase that is there is set; one that is not, is 0.
        without_phase = edited(before, [Edit((*entry, "phase"), None)], file.name)
        phase = [Edit((*entry, "phase"), 0)] if without_phase != before else []
        text = edited(before, [Edit((*entry, "weight"), None), *phase], file.name)
        if text == before:
            return False
        write_text(file, text)
        return True


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keeps other commands that change stack files of this folder waiting, so that no change is lost."""
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def read_text(file: Path) -> str:
    """The file's text with its line breaks as they are.

    Raises:
        ConfigError: If it cannot be read, is not UTF-8, or has no end.
    """
    try:
        return read_bounded(file).decode("utf-8")
    except OSError as error:
        raise unreadable(file, error) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(file.name, "", "is not UTF-8 text")]) from None


def write_text(file: Path, text: str) -> None:
    """Replaces the file in one step, so that a full disk leaves the old one whole, and reads it again.

    A symbolic link stays one: what it leads to is replaced.

    Raises:
        OSError: If it cannot be written; it is then as it was. Or if it reads otherwise than it was written.
    """
    try:
        _replace(file.resolve(strict=True), text)
    except OSError as error:
        raise OSError(f"{file.name} cannot be written ({error.strerror}); it is as it was") from error
    if file.read_bytes() != text.encode():
        raise OSError(
            f"{file.name} was written and reads otherwise; does somebody else write it? Run this again"
        )


def _replace(file: Path, text: str) -> None:
    # Its name is in .gitignore: a command that is killed leaves it behind.
    handle, scratch = tempfile.mkstemp(prefix=f".eco2-{file.name}-", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(scratch).chmod(file.stat().st_mode & 0o777)
        Path(scratch).replace(file)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise

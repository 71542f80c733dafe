"""Changing a stack's file without touching anything else in it: comments, order and quotes stay."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import yaml

from rollout.problems import ConfigError, Problem

ROLLOUTS = ("config", "eco2:rollouts")


def set_phase_off(file: Path, service: str) -> bool:
    """Sets a service's phase to 0 and drops a weight that overrides it.

    Args:
        file: The stack's file.
        service: The service.

    Returns:
        Whether the file had to be changed.

    Raises:
        ConfigError: If the file is no YAML, or the entry stands behind an alias.
        OSError: If it cannot be written; it is then as it was.
    """
    before = file.read_bytes().decode("utf-8")
    text = without(before, (*ROLLOUTS, service, "weight"), file.name)
    phase = _find(text, (*ROLLOUTS, service, "phase"), file.name)
    if phase is not None and phase[1].value != "0":
        start, end = phase[1].start_mark.index, phase[1].end_mark.index
        text = f"{text[:start]}0{text[end:]}"
    if text == before:
        return False
    _write(file, text)
    return True


def without(text: str, path: tuple[str, ...], name: str) -> str:
    """The text without a key and its value; the text itself if the key is not there."""
    found = _find(text, path, name)
    if found is None:
        return text
    key, value = found
    start, end = key.start_mark.index, value.end_mark.index
    line_start = text.rfind("\n", 0, start) + 1
    if not text[line_start:start].strip():
        line_end = text.find("\n", end)
        return text[:line_start] + (text[line_end + 1 :] if line_end >= 0 else "")
    # In a flow mapping one of the commas beside it goes with it.
    before = text[:start].rstrip()
    if before.endswith(","):
        return before[:-1] + text[end:]
    after = text[end:].lstrip()
    return text[:start] + (after[1:].lstrip() if after.startswith(",") else after)


def _find(text: str, path: tuple[str, ...], name: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The nodes of a key and its value, with their places in the text."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError([Problem(name, "", f"is no YAML: {error}")]) from None
    found: tuple[yaml.Node, yaml.Node] | None = None
    reached = -1
    for part in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair for pair in pairs if pair[0].value == part), None)
        if found is None:
            return None
        if found[1].start_mark.index < reached:
            raise ConfigError([Problem(name, ".".join(path), "stands behind an alias; change it by hand")])
        reached, node = found[0].start_mark.index, found[1]
    return found


def _write(file: Path, text: str) -> None:
    """Replaces the file in one step, so that a full disk leaves the old one whole."""
    handle, scratch = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
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

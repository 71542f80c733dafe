"""The shell commands of a way on: what a person may type where a rule refuses."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from rollout.problems import key_path

if TYPE_CHECKING:
    from rollout.spec.image import Image
    from rollout.spec.services import Wanted


def to_phase(wanted: Wanted, phase: int) -> str:
    """The shell command that sets a service's phase, without a weight that belongs to another."""
    commands = [_set(f"rollouts.{wanted.name}.phase", str(phase))]
    if wanted.rollout.weight is not None:
        commands.insert(0, _remove(f"rollouts.{wanted.name}.weight"))
    return " && ".join(commands)


def set_image(key: str, now: Image, then: Image) -> list[str]:
    """The shell commands that change an image in the stack's file; none where it cannot name the new one."""
    if now.repository != then.repository or not (now.tag and then.tag):
        return []
    return [
        _set(f"{key}.{part}", new) if new else _remove(f"{key}.{part}")
        for part in ("tag", "digest", "revision")
        for old, new in ((getattr(now, part), getattr(then, part)),)
        if old != new
    ]


def _set(key: str, value: str) -> str:
    # With a path Pulumi turns what looks like a number or a truth value into one.
    kind = " --type string" if not key.endswith(".phase") and re.fullmatch(r"\d+|true|false", value) else ""
    return f"pulumi config set --path {_path(key)} {shlex.quote(value)}{kind}"


def _remove(key: str) -> str:
    return f"pulumi config rm --path {_path(key)}"


def _path(key: str) -> str:
    return shlex.quote("eco2:" + key_path(key.split(".")))

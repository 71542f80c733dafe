"""What moves of rollouts make of the text of a stack's file, and the services as such a text wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.stack.config import stack_config
from eco2.yaml_text import Edit, edited
from rollout.problems import NAMESPACE
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rollout.edits import Move
    from rollout.spec.catalog import Catalog
    from rollout.spec.services import Wanted


def with_moves(text: str, moves: Iterable[Move], file: str) -> str:
    """The text of a stack's file with what some moves write into it.

    Raises:
        ConfigError: If it cannot be changed so.
    """
    edits = [
        Edit(("config", f"{NAMESPACE}:{path[0]}", *path[1:]), value)
        for move in moves
        for path, value in move.entries
    ]
    return edited(text, edits, file)


def services_of(project: Path, stack: str, text: str, catalog: Catalog) -> dict[str, Wanted]:
    """The services as the text of a stack's file wants them.

    Raises:
        ConfigError: With every mistake in it.
    """
    config = stack_config(project, stack, text)
    return resolve(catalog, read_settings(f"Pulumi.{stack}.yaml", config, catalog))

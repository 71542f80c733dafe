"""The plan of a stack's next update, without plugins."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from eco2.stack.config import stack_config
from eco2.stack.state import StackState, state_by_backend
from rollout.guards.review import review
from rollout.plan.update import update_of
from rollout.problems import ConfigError, Problem
from rollout.report.report import report
from rollout.spec.files import read_catalog
from rollout.spec.settings import read_settings
from rollout.spec.yaml_bounds import bounded, read_bounded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollout.report.report import Report


def read_report(
    project: Path,
    stack: str,
    last: Mapping[str, Any],
    resources: Mapping[str, Any] | None = None,
    config: str | None = None,
) -> Report:
    """Plans a stack.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        last: The outputs of its last update; empty before the first, or where they are lost.
        resources: Type and outputs of its resources by URN; None where they are not known.
        config: What the stack's file would hold; None reads the file.

    Raises:
        ConfigError: With every mistake in the files; refusals of guards are in the report.
    """
    catalog = read_catalog(project / "services.yaml")
    settings = read_settings(f"Pulumi.{stack}.yaml", stack_config(project, stack, config), catalog)
    update = update_of(stack, catalog, settings, last, resources)
    return report(update, review(update))


def last_update(project: Path, stack: str, file: Path | None = None) -> StackState:
    """Reads what a stack's last update left, from its backend or from a file.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        file: What `pulumi stack output --json` printed; None: the backend is asked.

    Raises:
        PulumiError: If the backend cannot be asked.
        ConfigError: If the file does not hold outputs.
        OSError: If the file cannot be read.
    """
    return state_by_backend(project, stack) if file is None else StackState(_of_file(file))


def _of_file(file: Path) -> dict[str, Any]:
    text = bounded(sys.stdin.buffer, file.name) if str(file) == "-" else read_bounded(file)
    try:
        found = json.loads(text.decode("utf-8") or "{}")
    except (ValueError, RecursionError) as error:
        raise ConfigError([Problem(file.name, "", f"is no JSON: {error}")]) from None
    if not isinstance(found, dict):
        raise ConfigError([Problem(file.name, "", "must hold what `pulumi stack output --json` prints")])
    return found

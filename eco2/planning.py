"""The plan of a stack's next update, without a cluster and without plugins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eco2.pulumi_stack import PulumiError, outputs
from eco2.stack_config import stack_config
from rollout.files import read_catalog
from rollout.problems import ConfigError, Problem
from rollout.report import report
from rollout.review import problems
from rollout.settings import read_settings
from rollout.update import update_of
from rollout.wording import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollout.report import Report

NO_SUCH_STACK = "no stack named"
"""What the CLI says of a stack that its backend does not hold: one that was never updated."""


def read_report(project: Path, stack: str, last: Mapping[str, Any]) -> Report:
    """Plans a stack.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        last: The outputs of its last update; empty before the first, or where they are lost.

    Raises:
        ConfigError: With every mistake in the files; refusals of guards are in the report.
    """
    catalog = read_catalog(project / "services.yaml")
    settings = read_settings(f"Pulumi.{stack}.yaml", stack_config(project, stack), catalog)
    return report(update_of(stack, catalog, settings, last))


def last_outputs(project: Path, stack: str, file: Path | None = None) -> dict[str, Any]:
    """What a stack's last update left.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        file: What `pulumi stack output --json` printed; None: the backend is asked.

    Returns:
        Its outputs; empty if it was never updated.

    Raises:
        PulumiError: If the backend cannot be asked.
        ConfigError: If the file does not hold outputs.
        OSError: If the file cannot be read.
    """
    if file is None:
        try:
            return outputs(project, stack)
        except PulumiError as error:
            if NO_SUCH_STACK in str(error):
                return {}
            raise
    try:
        found = json.loads(file.read_text("utf-8") or "{}")
    except ValueError as error:
        raise ConfigError([Problem(file.name, "", f"is no JSON: {error}")]) from None
    if not isinstance(found, dict):
        raise ConfigError([Problem(file.name, "", "must hold what `pulumi stack output --json` prints")])
    return found


def plan_text(project: Path, stack: str) -> str:
    """The plan of a stack's next update in words, from the outputs in its backend.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.

    Raises:
        ConfigError: With every mistake in the files, or with all refusals of the guards.
        PulumiError: If the backend cannot be asked.
    """
    found = read_report(project, stack, last_outputs(project, stack))
    if found.refused:
        raise ConfigError(problems(found.file, found.refused))
    return text(found)

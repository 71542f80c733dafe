"""A stack's config as Pulumi would hand it to the program, read from the project's files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rollout.problems import ConfigError, Problem
from rollout.spec.files import read_mapping, read_yaml, refuse_other_spellings

if TYPE_CHECKING:
    from pathlib import Path


def stack_config(project: Path, stack: str, text: str | None = None) -> dict[str, str]:
    """Reads a stack's config.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        text: What the stack's file would hold; None reads the file.

    Returns:
        Every key with its value as text; what is not a string is JSON. Defaults of the project
        stand where the stack says nothing; they are not merged into what it says.

    Raises:
        ConfigError: If a file cannot be used.
    """
    file = project / f"Pulumi.{stack}.yaml"
    config: dict[str, Any] = {}
    for key, schema in (read_yaml(project / "Pulumi.yaml").get("config") or {}).items():
        full = key if ":" in key else f"eco2:{key}"
        default = schema.get("default", schema.get("value")) if isinstance(schema, dict) else schema
        if default is not None:
            config[full] = default
    described = read_yaml(file) if text is None else read_mapping(text, file.name)
    own = described.get("config")
    if not isinstance(own, dict):
        raise ConfigError([Problem(file.name, "config", "missing; the stack's keys stand below it")])
    refuse_other_spellings(file.name, described)
    config |= own
    return {key: _as_text(value) for key, value in config.items()}


def _as_text(value: Any) -> str:
    """A value as the engine hands it over: text as it is, nothing as no text, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(_as_go_writes(value))


def _as_go_writes(value: Any) -> Any:
    """Values as Go's JSON has them: `1.0` is `1` there."""
    if isinstance(value, dict):
        return {key: _as_go_writes(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_go_writes(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def phases_in(project: Path, stack: str) -> dict[str, Any]:
    """The phase of every service that the stack's config has an entry of, as the program reads them.

    Raises:
        ConfigError: If the files cannot be used.
    """
    name = f"Pulumi.{stack}.yaml"
    rollouts = json.loads(stack_config(project, stack).get("eco2:rollouts") or "{}")
    if not isinstance(rollouts, dict | None):
        raise ConfigError([Problem(name, "config.eco2:rollouts", "must hold services by name")])
    phases, wrong = {}, []
    for service, entry in (rollouts or {}).items():
        if isinstance(entry, dict | None):
            phases[service] = (entry or {}).get("phase", 0)
        else:
            wrong.append(Problem(name, f"config.eco2:rollouts.{service}", "must hold keys, such as phase: 0"))
    if wrong:
        raise ConfigError(wrong)
    return phases

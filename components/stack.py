"""The stack that a program runs in: its config, and what its last update left."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from rollout.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def stack_file() -> str:
    """The file that holds the stack's config, as its users know it."""
    return f"Pulumi.{pulumi.get_stack()}.yaml"


def config() -> dict[str, str]:
    """Every key of the stack's config with its value as text, so that unknown keys are seen too."""
    return {**get_config_env(), **CONFIG.get()}


def last_outputs() -> Mapping[str, Any]:
    """The outputs of this stack's last update that succeeded; empty before the first.

    They are read as plain values, and not by a StackReference, since the dependencies between
    resources follow from them and must be known before anything is registered.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    found = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name}).value
    return (found or {}).get("outputs") or {}


@contextmanager
def problems_in_words() -> Iterator[None]:
    """Ends the program with the problems that were found, without a trace.

    Raises:
        pulumi.RunError: With every problem.
    """
    try:
        yield
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None

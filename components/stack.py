"""The stack that a program runs in: its config, and what its last update left."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, get_config_secret_keys_env, is_config_secret
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from kube.cluster import ClusterClient
from rollout.plan.prior import ADOPTING_VARIABLE, ANEW_VARIABLE, HELD_VARIABLE, LEFT_VARIABLE, ONLY_VARIABLE
from rollout.problems import ConfigError, Problem
from rollout.spec import files
from rollout.text.plain import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


TOLD = 32
"""The exit code of a program that has told its user what to do, after which the language host adds nothing
(pulumi `sdk/python/cmd/pulumi-language-python/main.go`)."""
STATE_WAITS_SECONDS = (0.1, 0.3, 1.0)
"""Pauses between attempts to read the state; writing it takes milliseconds."""


def file() -> str:
    """The file that holds the stack's config, as its users know it."""
    return f"Pulumi.{pulumi.get_stack()}.yaml"


def config() -> dict[str, str]:
    """Every key of the stack's config with its value as text, so that unknown keys are seen too."""
    return {**get_config_env(), **CONFIG.get()}


def refuse_other_spellings(project: Path) -> None:
    """Refuses a stack's file that means one thing to Pulumi and another to a reader, where it is at hand.

    Raises:
        ConfigError: With each such key.
    """
    path = project / file()
    if path.exists():
        files.refuse_other_spellings(path.name, files.read_yaml(path))


def encrypted() -> frozenset[str]:
    """The keys of the stack's config that hold something encrypted; their values come in clear."""
    return frozenset(key for key in config() if is_config_secret(key)) | set(get_config_secret_keys_env())


@dataclass(frozen=True)
class LastUpdate:
    """What the stack's last update left.

    Attributes:
        outputs: The outputs of the last one that succeeded; empty before the first.
        resources: Type and outputs of everything in its state, by URN; empty before the first.
    """

    outputs: Mapping[str, Any]
    resources: Mapping[str, Any]


def last_update() -> LastUpdate:
    """Reads what the last update left.

    Raises:
        pulumi.RunError: If the state cannot be read.
    """
    outputs = last_outputs()
    return LastUpdate(outputs, last_resources() if outputs else {})


def last_outputs() -> Mapping[str, Any]:
    """The outputs of this stack's last update that succeeded; empty before the first.

    They are read as plain values, and not by a StackReference, since the dependencies between
    resources follow from them and must be known before anything is registered.

    Raises:
        pulumi.RunError: If the state cannot be read. To go on without it would take a rollback for a
            first update, which waits for pods before it moves a route.
    """
    return _last("pulumi:pulumi:readStackOutputs", "name")


def last_resources() -> Mapping[str, Any]:
    """Type and outputs of everything in this stack's state, by URN.

    An update that failed has left here what it did, while the stack's outputs are still those of the
    one before. Not to be asked before the first update: the engine has nothing to read then.

    Raises:
        pulumi.RunError: If the state cannot be read.
    """
    return _last("pulumi:pulumi:readStackResourceOutputs", "stackName")


def _last(question: str, argument: str) -> Mapping[str, Any]:
    """Asks the engine for what it wrote down.

    A backend of files rewrites the state while an update runs, and a reader may meet it half-written
    (`failed to load checkpoint: EOF`, seen once in some hundred updates), so the question is repeated.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for wait_seconds in (*STATE_WAITS_SECONDS, None):
        try:
            found = pulumi.runtime.invoke(question, {argument: name}).value
        except Exception as error:  # noqa: BLE001  # the SDK raises no narrower class for what the engine refuses
            if wait_seconds is None:
                reason = f"cannot read what the last update of {name} left: {error}"
                raise pulumi.RunError(f"{reason}; nothing was changed, run the same command again") from None
            time.sleep(wait_seconds)
        else:
            break
    return (found or {}).get("outputs") or {}


@dataclass(frozen=True)
class UpdateLimits:
    """What an update is limited to, which the engine does not tell the program.

    Attributes:
        only: The services that it is about, where its targets leave the others alone; empty for all.
        held: The services of which it changes canary and routes alone.
        anew: The autoscalers of these that it makes anew, since somebody deleted them: `KIND/NAME`.
        adopting: Whether it takes over what other tools have made.
    """

    only: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    anew: frozenset[str] = frozenset()
    adopting: bool = False


def limits() -> UpdateLimits:
    """Reads what `eco2` sets in the environment beside its `--target`s.

    Raises:
        ConfigError: If it was left by a command that has ended.
    """
    told = os.environ.get(ADOPTING_VARIABLE)
    adopting = bool(told) and told == os.environ.get(ONLY_VARIABLE)
    only, held, anew = (_names_in(one) for one in (ONLY_VARIABLE, HELD_VARIABLE, ANEW_VARIABLE))
    return UpdateLimits(only, held, anew, adopting)


def _names_in(variable: str) -> frozenset[str]:
    told = os.environ.get(variable, "")
    if not told:
        return frozenset()
    process, _, names = told.partition(":")
    if not (process.isdigit() and _runs(int(process))):
        reason = "is set by eco2 for one update with targets, and was left behind; unset it"
        raise ConfigError([Problem(variable, "", reason)])
    return frozenset(filter(None, names.split(",")))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def cluster_to_ask(context: str) -> Callable[[], ClusterClient] | None:
    """Leads to a cluster, which is not asked for credentials before; None with mocks.

    Args:
        context: The kubeconfig's context for it.
    """
    if _runs_with_mocks():
        return None
    return cache(partial(ClusterClient, context))


def _runs_with_mocks() -> bool:
    return isinstance(get_monitor(), MockMonitor)


def routes_left_at() -> float | None:
    """When `eco2 abort` took the canaries out of all routes, in seconds since the epoch; None without one."""
    told = os.environ.get(LEFT_VARIABLE)
    return float(told) if told else None


@contextmanager
def problems_in_words() -> Iterator[None]:
    """Ends the program with the problems that were found; they are the last that a reader sees.

    Raises:
        SystemExit: With every problem told.
        pulumi.RunError: With mocks, with every problem.
    """
    try:
        yield
    except ConfigError as error:
        if _runs_with_mocks():
            raise pulumi.RunError(str(error)) from None
        # Of a RunError the official host says on top that the program "exited with non-zero exit code".
        pulumi.log.error(inert(str(error)))
        raise SystemExit(TOLD) from None

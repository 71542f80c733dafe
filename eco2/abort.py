"""Taking services back: first the routes at the API, then config, cluster and state (rule 12)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from eco2.cluster import Cluster
from eco2.first_stroke import strike
from eco2.pulumi_stack import PulumiError
from eco2.second_stroke import SecondStroke, write_phase_off
from rollout.files import read_yaml
from rollout.problems import ConfigError, Problem, refuse_strangers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from eco2.second_stroke import Wish


class RoutesError(Exception):
    """The first stroke failed for some service: its canary may still get traffic."""


class UpdateError(Exception):
    """The routes are back, and the second stroke failed; the message says how to go on."""


def abort(wish: Wish, say: Callable[[str], None]) -> None:
    """Takes services back; run again, it finishes what an interrupted one began.

    Args:
        wish: What to take back.
        say: Takes a line for the user.

    Raises:
        ConfigError: If a service is unknown, or the stack's file names no context.
        ClusterError: If the context is unknown.
        RoutesError: If the routes of a service could not be moved.
        UpdateError: If the routes were moved and the rest failed.
    """
    began = time.monotonic()
    services = _services(wish.project / "services.yaml")
    names = _known(services, wish.services)
    cluster = Cluster(_context(wish))
    strokes = strike(cluster, services, names)
    struck_at = time.time()
    for stroke in strokes:
        if stroke.moved:
            say(f"{stroke.service}: all traffic to stable after {time.monotonic() - began:.2f} s")
    if failed := [stroke for stroke in strokes if stroke.failure]:
        told = "; ".join(f"{stroke.service}: {stroke.failure}" for stroke in failed)
        raise RoutesError(f"{told}; run it again: {wish.command}")
    if not wish.reconcile:
        say(f"config and state still say otherwise; somebody who can update them runs: {wish.command}")
        return
    agree = SecondStroke(wish, names, partial(strike, cluster, services, names), say)
    try:
        agree.run({stroke.service: struck_at for stroke in strokes if stroke.moved})
    except (PulumiError, ConfigError, OSError) as error:
        # Whatever ran beside this may have set its own routes.
        back = any(stroke.failure for stroke in strike(cluster, services, names))
        where = "Whether a canary gets traffic is not known" if back else "No canary gets traffic any more"
        raise UpdateError(
            f"{error}\n{where}, but config, cluster and state do not agree yet. "
            f"Mend what the error says and run it again: {wish.command}"
        ) from None
    say(f"done after {time.monotonic() - began:.1f} s")


def record(wish: Wish, say: Callable[[str], None]) -> None:
    """Writes phase 0 to the stack's file and touches nothing else, for a commit.

    Raises:
        ConfigError: If a service is unknown, or the file cannot be changed.
        OSError: If it cannot be written.
    """
    write_phase_off(wish, _known(_services(wish.project / "services.yaml"), wish.services), say)


@dataclass(frozen=True)
class _Service:
    """All that an abort needs to know of a service."""

    kind: str
    namespace: str


def _services(file: Path) -> dict[str, _Service]:
    """The services, read without the models: they take half a second, and a mistake elsewhere is no matter now.

    Raises:
        ConfigError: If the file is no YAML, or a service has no kind or namespace.
    """
    described = read_yaml(file).get("services")
    services, problems = {}, []
    for name, one in described.items() if isinstance(described, dict) else ():
        try:
            services[name] = _Service(str(one["kind"]), str(one["namespace"]))
        except (KeyError, TypeError):
            problems.append(Problem(file.name, f"services.{name}", "needs kind and namespace"))
    if problems or not services:
        raise ConfigError(problems or [Problem(file.name, "services", "missing; name the services")])
    return services


def _known(services: Mapping[str, _Service], names: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(names)) or tuple(services)
    refuse_strangers(wanted, services)
    return wanted


def _context(wish: Wish) -> str:
    """The stack's context, read from its file alone, whatever else may be wrong with that."""
    config = read_yaml(wish.file).get("config")
    context = config.get("kubernetes:context") if isinstance(config, dict) else None
    if not isinstance(context, str):
        raise ConfigError([Problem(wish.file.name, "config.kubernetes:context", "missing; name the context")])
    return context

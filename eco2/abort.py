"""Taking services back: first the routes at the API, then config, cluster and state (rule 12)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.metadata import CANARY_SERVICE
from eco2.cluster import Cluster
from eco2.first_stroke import strike
from eco2.orders import orders
from eco2.pulumi_stack import PulumiError, pulumi, update
from eco2.stack_yaml import set_phase_off
from rollout.files import read_yaml
from rollout.prior import LEFT_VARIABLE, ONLY_VARIABLE, ORDERS_VARIABLE, read_prior
from rollout.problems import ConfigError, Problem, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


class RoutesError(Exception):
    """The first stroke failed for some service: its canary may still get traffic."""


class UpdateError(Exception):
    """The routes are back, and the second stroke failed; the message says how to go on."""


@dataclass(frozen=True)
class Wish:
    """What to take back.

    Attributes:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        services: The services; empty for all.
        reconcile: Whether the second stroke follows.
    """

    project: Path
    stack: str
    services: tuple[str, ...]
    reconcile: bool = True

    @property
    def command(self) -> str:
        """The command that does the same again."""
        return f"eco2 abort {' '.join(self.services) or '--all'} --stack {self.stack}"


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
    try:
        moved = {stroke.service: struck_at for stroke in strokes if stroke.moved}
        _second_stroke(wish, names, moved, say)
    except (PulumiError, ConfigError, OSError) as error:
        raise UpdateError(
            f"{error}\nNo canary gets traffic any more, but config, cluster and state do not agree yet. "
            f"Mend what the error says and run it again: {wish.command}"
        ) from None
    say(f"done after {time.monotonic() - began:.1f} s")


def record(wish: Wish, say: Callable[[str], None]) -> None:
    """Writes phase 0 to the stack's file and touches nothing else, for a commit.

    Raises:
        ConfigError: If a service is unknown, or the file cannot be changed.
        OSError: If it cannot be written.
    """
    _write_phase_off(wish, _known(_services(wish.project / "services.yaml"), wish.services), say)


def _write_phase_off(wish: Wish, names: Iterable[str], say: Callable[[str], None]) -> None:
    file = wish.project / f"Pulumi.{wish.stack}.yaml"
    for name in names:
        if set_phase_off(file, name):
            say(f"{file.name}: eco2:rollouts.{name}.phase is 0")


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
    strangers = [name for name in wanted if name not in services]
    if strangers:
        raise ConfigError(
            Problem("services.yaml", name, f"no such service; {suggestion(name, services)}")
            for name in strangers
        )
    return wanted


def _context(wish: Wish) -> str:
    """The stack's context, read from its file alone, whatever else may be wrong with that."""
    file = wish.project / f"Pulumi.{wish.stack}.yaml"
    config = read_yaml(file).get("config")
    context = config.get("kubernetes:context") if isinstance(config, dict) else None
    if not isinstance(context, str):
        raise ConfigError([Problem(file.name, "config.kubernetes:context", "missing; name the context")])
    return context


def _second_stroke(
    wish: Wish, names: tuple[str, ...], moved: dict[str, float], say: Callable[[str], None]
) -> None:
    """Sets phase 0 in the stack's file and updates these services, and nothing else."""
    exported = json.loads(pulumi(wish.project, wish.stack, "stack", "export"))
    resources = (exported.get("deployment") or {}).get("resources") or []
    _write_phase_off(wish, names, say)
    in_flight = _in_flight(resources)
    moving = [name for name in names if name in in_flight]
    if not moving:
        say("nothing else is in flight")
        return
    say(f"updating {', '.join(moving)}; if this is interrupted, go on with: {wish.command}")
    components = _components(resources)
    targets = [
        one["urn"]
        for one in resources
        if components.get(one["urn"]) in moving or components.get(one.get("parent", "")) in moving
    ]
    left = [f"{name}={order}" for name, order in orders(resources).items() if name not in moving]
    variables = {ONLY_VARIABLE: ",".join(moving), ORDERS_VARIABLE: ",".join(left)}
    if all(name in moved for name in moving):
        # Proxies learn of the routes while the update starts, so its pause may be shorter by that.
        variables[LEFT_VARIABLE] = str(max(moved.values()))
    options = [part for urn in targets for part in ("--target", urn)]
    update(wish.project, wish.stack, "--skip-preview", *options, variables=variables)


def _components(resources: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The services of a state by the URN of their component."""
    return {one["urn"]: one["urn"].rsplit("::", 1)[1] for one in resources if one["type"] == CANARY_SERVICE}


def _in_flight(resources: list[dict[str, Any]]) -> set[str]:
    """The services that the last update left with a canary, or one that failed left one of."""
    stack = next((one for one in resources if one["type"] == "pulumi:pulumi:Stack"), {})
    last, components = read_prior(stack.get("outputs") or {}), _components(resources)
    # An update that failed on the way up has left no outputs, but a canary in the state.
    strays = {components.get(one.get("parent", "")) for one in resources if one["urn"].endswith("-canary")}
    return {name for name, prior in last.items() if prior.phase} | {name for name in strays if name}

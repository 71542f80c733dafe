"""Reading YAML files, with errors in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from rollout.problems import NAMESPACE, ConfigError, Problem, key_path, suggestion
from rollout.spec.characters import unprintable
from rollout.spec.relations import containers_differ
from rollout.spec.yaml_bounds import DEEPEST, Loader, read_bounded, within_bounds
from rollout.traffic.names import canary_name, kept_ending

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

    from rollout.spec.catalog import Catalog
    from rollout.spec.routes import Route
    from rollout.spec.workload import Workload

MERGE = "tag:yaml.org,2002:merge"
STACK_FILE = re.compile(r"Pulumi\.(.+)\.yaml", re.DOTALL)


class _UniqueKeyLoader(Loader):  # type: ignore[misc, valid-type]  # the base is chosen at run time
    """YAML with each key once: a second `auth-api:` would otherwise silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == MERGE:  # `<<` is no key, and what it brings may be overridden
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                reason = f"the key {key!r} is no text; put it in quotes"
                raise yaml.constructor.ConstructorError(None, None, reason, key_node.start_mark)
            if key in seen:
                reason = f"the key {key!r} stands here twice"
                raise yaml.constructor.ConstructorError(None, None, reason, key_node.start_mark)
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML file that holds one mapping.

    Raises:
        ConfigError: If the file is missing, empty, not YAML, or holds something else.
    """
    try:
        text = read_bounded(path).decode("utf-8")
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path.name, "", "is not UTF-8 text")]) from error
    return read_mapping(text, path.name)


def unreadable(path: Path, error: OSError) -> ConfigError:
    """The error of a file that cannot be read; where it is a stack's and not there, with the stacks that are."""
    way, stack = "is the path right?", stack_of(path)
    if stack and isinstance(error, FileNotFoundError):
        way = suggestion(stack, stacks_with_file(path.parent))
    return ConfigError([Problem(path.name, "", f"cannot be read ({error.strerror}); {way}")])


def stack_of(file: Path) -> str:
    """The stack that a file is of; empty if it is no stack's."""
    found = STACK_FILE.fullmatch(file.name)
    return found[1] if found else ""


def stacks_with_file(project: Path) -> list[str]:
    """The stacks that have a file in a project's folder, sorted."""
    return sorted(stack_of(file) for file in project.glob("Pulumi.*.yaml"))


def read_mapping(text: str, name: str) -> dict[str, Any]:
    """Reads a YAML text that holds one mapping.

    Args:
        text: What a file holds, or would hold.
        name: The file's name, for errors.

    Raises:
        ConfigError: If it is empty, not YAML, or holds something else.
    """
    try:
        within_bounds(text, name)
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506  # derived from SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError([Problem(name, "", f"is not valid YAML: {in_one_line(error)}")]) from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or brackets that nest as deep.
        raise ConfigError([Problem(name, "", f"holds what nobody can mean: {error}")]) from error
    _plain(name, data, ())
    if data is None:
        raise ConfigError([Problem(name, "", "is empty")])
    if not isinstance(data, dict):
        reason = f"must hold a mapping of keys to values, not a {type(data).__name__}"
        raise ConfigError([Problem(name, "", reason)])
    return data


def _plain(file: str, node: Any, place: tuple[str | int, ...]) -> None:
    """Refuses what YAML can say and JSON cannot: dates, sets, bytes, what contains itself.

    Raises:
        ConfigError: At the first of them.
    """
    if len(place) > DEEPEST:
        raise ConfigError([Problem(file, key_path(place[:3]), f"nests deeper than {DEEPEST} levels")])
    if isinstance(node, dict):
        for key, value in node.items():
            _plain(file, value, (*place, key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            _plain(file, value, (*place, position))
    elif not isinstance(node, (str, int, float, type(None))):
        reason = f"is read as a {type(node).__name__}; put it in quotes"
        raise ConfigError([Problem(file, key_path(place), reason)])


STRUCTURED = ("canaryHeader", "cluster", "nodeGroups", "services", "rollouts", "overrule")
"""The keys of a stack's config that hold mappings."""


def refuse_other_spellings(file: str, described: Mapping[str, Any]) -> None:
    """Refuses what Pulumi takes in more than one spelling: of two in one file it picks one at random.

    Args:
        file: The name of the stack's file.
        described: What it holds.

    Raises:
        ConfigError: With each key that has no namespace, or holds a mapping as JSON text.
    """
    config, problems = described.get("config"), []
    for key, value in config.items() if isinstance(config, dict) else ():
        full = key if ":" in key else f"{NAMESPACE}:{key}"
        if full != key:
            problems.append(Problem(file, f"config.{key}", f"has no namespace; write it as {full}"))
        if full.removeprefix(f"{NAMESPACE}:") in STRUCTURED and isinstance(value, str):
            reason = "holds text; write it as keys and values of YAML, as the other stacks do"
            problems.append(Problem(file, f"config.{key}", reason))
    if problems:
        raise ConfigError(problems)


def read_catalog(path: Path) -> Catalog:
    """Reads and checks `services.yaml`.

    Raises:
        ConfigError: With every mistake in the file.
    """
    data = read_yaml(path)
    # An abort reads files too, and cannot wait for half a second of models.
    from pydantic import ValidationError  # noqa: PLC0415

    from rollout.spec.catalog import Catalog  # noqa: PLC0415
    from rollout.spec.findings import from_pydantic  # noqa: PLC0415

    try:
        catalog = Catalog.model_validate(data)
    except ValidationError as error:
        told = from_pydantic(path.name, "", Catalog, error.errors(), data)
        raise ConfigError([*unprintable(path.name, "", data), *told]) from error
    problems = [
        *unprintable(path.name, "", data),
        *_shared_routes(path.name, catalog),
        *_shared_names(path.name, catalog),
    ]
    if problems:
        raise ConfigError(problems)
    return catalog


def _shared_routes(file: str, catalog: Catalog) -> list[Problem]:
    """All services share one public host, and Istio merges their routes in no promised order.

    So a path may belong to one service only, and no service's prefix may cover another's path.
    """
    problems = []
    seen: list[tuple[str, Route]] = []
    for name, service in catalog.services.items():
        for position, route in enumerate(service.routes):
            for owner, other in seen:
                same = owner == name and route.match_key == other.match_key
                if same or (owner != name and _overlap(route, other)):
                    key = f"services.{name}.routes[{position}]"
                    reason = f"{route.path} meets {other.path} of {owner} ({other.name}); give one of them another path"
                    problems.append(Problem(file, key, reason))
            seen.append((name, route))
    return problems


def _overlap(one: Route, other: Route) -> bool:
    if one.methods and other.methods and not set(one.methods) & set(other.methods):
        return False
    return (
        one.path == other.path
        or (one.prefix is not None and other.path.startswith(one.prefix))
        or (other.prefix is not None and one.path.startswith(other.prefix))
    )


def _shared_names(file: str, catalog: Catalog) -> list[Problem]:
    """A companion's objects stand beside those of the services, so their names must differ.

    In any namespace: the state knows objects by name alone.
    """
    taken = set(catalog.services) | {canary_name(name) for name in catalog.services}
    problems = []
    for name, service in catalog.services.items():
        if ending := kept_ending(name):
            problems.append(
                Problem(
                    file,
                    f"services.{name}",
                    f"names that end in {ending} are kept for the objects of other services; choose another",
                )
            )
        for companion in service.companions:
            if companion in taken:
                key = f"services.{name}.companions.{companion}"
                problems.append(Problem(file, key, "the name is taken; choose another"))
            taken.add(companion)
        problems += _containers(file, f"services.{name}", name, service)
        for companion, workload in service.companions.items():
            problems += _containers(file, f"services.{name}.companions.{companion}", companion, workload)
    return problems


def _containers(file: str, key: str, name: str, workload: Workload) -> list[Problem]:
    """Containers of one pod must differ; the main one may have its name from the service."""
    try:
        containers_differ(workload.container or name, [one.name for one in workload.init_containers])
    except ValueError as error:
        return [Problem(file, f"{key}.initContainers", str(error))]
    return []


def in_one_line(error: yaml.YAMLError) -> str:
    """Where a text is no YAML, and why."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem

"""What an abort must know of the files, read also where they are broken.

A merge conflict, a key that stands twice or a mistake in another service must not keep a canary at its
traffic. What is read here is only where requests are sent: to which cluster, and to which objects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.problems import ConfigError, Problem, suggestion
from rollout.spec.files import read_yaml
from rollout.spec.yaml_bounds import read_bounded
from rollout.traffic.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

CONTEXT = re.compile(r"""^[^\S\n]*["']?kubernetes:context["']?\s*:[ \t]*["']?([^\s"'#,{}]+)""", re.MULTILINE)
KEY = re.compile(r"""^(?P<indent>[ \t]*)["']?(?P<key>[A-Za-z0-9][\w-]*)["']?\s*:(?:\s+(?P<rest>.*))?$""")
VALUE = r"""(?:^|[{{,]\s*){}\s*:\s*["']?([\w-]+)"""


class NoSuchServiceError(ConfigError):
    """None of the services that were named is known."""


@dataclass(frozen=True)
class Place:
    """Where a service's routes are.

    Attributes:
        kind: `api`, `grpc` or `worker`; empty where the file does not tell.
        namespace: Its namespace; empty where the file does not tell.
    """

    kind: str
    namespace: str


def context_of(file: Path, named: str = "") -> str:
    """The kubeconfig's context of a stack.

    Args:
        file: The stack's file.
        named: What the user named; it goes before the file.

    Raises:
        ConfigError: If nothing names one, or several are named.
    """
    if named:
        return named
    way = "; or name it on the command line: --context CONTEXT"
    try:
        config: Any = read_yaml(file).get("config")
        context: str = _word(config.get("kubernetes:context")) if isinstance(config, dict) else ""
        if context:
            return context
    except ConfigError as error:
        why = error.problems[0].reason
    else:
        why = "missing; name the context of this stack's cluster"
    found = sorted(set(CONTEXT.findall(text_of(file))))
    if len(found) == 1:
        return str(found[0])
    if found:
        why = f"is there with several values: {', '.join(found)}"
    raise ConfigError([Problem(file.name, "config.kubernetes:context", why + way)])


def places_of(file: Path, names: Iterable[str], namespace: str = "") -> dict[str, Place]:
    """Where the routes of some services are.

    Args:
        file: `services.yaml`.
        names: The services; empty for all.
        namespace: Their namespace, as the user named it; it goes before the file.

    Returns:
        The services with their places; a namespace that the file does not tell is empty. Names that the file does
        not know are left out: a typing error must not keep the others from their way back.

    Raises:
        NoSuchServiceError: If the file knows none of them.
        ConfigError: If it knows none at all.
    """
    wanted = tuple(dict.fromkeys(names))
    known = _places(file)
    if namespace and wanted:
        return {name: Place(known.get(name, Place("", "")).kind, namespace) for name in wanted}
    way = "; or name the namespace on the command line: --namespace NAMESPACE"
    if not known:
        raise ConfigError([Problem(file.name, "services", f"no service can be read from it{way}")])
    if wanted and not known.keys() & set(wanted):
        raise NoSuchServiceError(Problem("", name, why) for name, why in strangers(file, wanted).items())
    return {name: known[name] for name in wanted or known if name in known}


def strangers(file: Path, names: Iterable[str]) -> dict[str, str]:
    """Why services are unknown, by name; those that the file knows are left out.

    Args:
        file: `services.yaml`.
        names: The services.
    """
    known = _places(file)
    return {
        name: f"no such service in {file.name}; {suggestion(name, known)}; if it is one all the same, name its "
        "namespace: --namespace NAMESPACE"
        for name in names
        if known and name not in known
    }


def _places(file: Path) -> Mapping[str, Place]:
    try:
        described = read_yaml(file).get("services")
    except ConfigError:
        return _scanned(text_of(file))
    if not isinstance(described, dict):
        return {}
    # One that is described by nothing, or by a word, is a service still: it must not be left out without a word.
    told = {str(name): one if isinstance(one, dict) else {} for name, one in described.items()}
    return {
        name: Place(known_kind(_word(one.get("kind"))), _word(one.get("namespace")))
        for name, one in told.items()
    }


def is_whole(file: Path) -> bool:
    """Whether a file can be read as YAML."""
    try:
        read_yaml(file)
    except ConfigError:
        return False
    return True


def known_kind(word: str) -> str:
    """A kind that there is; empty for any other word."""
    return word if word in KINDS else ""


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _scanned(text: str) -> dict[str, Place]:
    """The services of a text that is no YAML, by its lines and their indentation."""
    found: dict[str, dict[str, set[str]]] = {}
    keys = _keys_of_services(text)
    service_indent, own_indent, name = min((indent for indent, _ in keys), default=0), 0, ""
    for indent, key in keys:
        if indent == service_indent:
            name, own_indent = key["key"], 0
            values = found.setdefault(name, {"kind": set(), "namespace": set()})
            for word, told in values.items():
                told.update(re.findall(VALUE.format(word), key["rest"] or ""))
        elif name:
            own_indent = own_indent or indent
            if indent == own_indent and key["key"] in ("kind", "namespace"):
                value = re.match(r"""["']?([\w-]+)""", key["rest"] or "")
                if value:
                    found[name][key["key"]].add(value[1])
    # Two values, as in a merge conflict, are none.
    return {
        name: Place(known_kind(_only(values["kind"])), _only(values["namespace"]))
        for name, values in found.items()
    }


def _keys_of_services(text: str) -> list[tuple[int, re.Match[str]]]:
    """The keys below `services`, each with its indentation; a tab, which YAML refuses, stands for two blanks."""
    found, inside = [], False
    for line in text.splitlines():
        if key := KEY.match(line):
            if indent := len(key["indent"].expandtabs(2)):
                found += [(indent, key)] if inside else []
            else:
                inside = key["key"] == "services"
    return found


def _only(told: set[str]) -> str:
    return next(iter(told)) if len(told) == 1 else ""


def text_of(file: Path) -> str:
    """What is written in a file, whatever it is; empty where it cannot be read."""
    try:
        return read_bounded(file).decode("utf-8", errors="replace")
    except (OSError, ConfigError):
        return ""

"""What an Envoy does with a path at the moment, read from the Envoy itself.

An update, a status or an object at the API says what was asked for; the proxy's own route table
says what is so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.mesh.admin import ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

CANARY_CLUSTERS = ("|canary|", "|canary-or-stable|")
"""Istio's name of a cluster is `outbound|PORT|SUBSET|HOST`."""
WHOLE = 100
ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Split:
    """How requests are split.

    Attributes:
        header: Whether a request with the header reaches the canary.
        weight: The per cent of all others that do.
    """

    header: bool = False
    weight: int = 0

    def __str__(self) -> str:
        """As one writes it beside a line in a chart."""
        if self.weight:
            return f"{self.weight} %"
        return "header" if self.header else "off"


def route_tables(admin: Path) -> list[dict[str, Any]]:
    """The route tables that an Envoy follows.

    Args:
        admin: The unix socket of its administration.

    Raises:
        OSError: If it does not answer.
    """
    dump = ask(admin, "/config_dump?resource=dynamic_route_configs", ANSWER_SECONDS)
    return [one["route_config"] for one in dump.get("configs", ()) if "route_config" in one]


def split_of(tables: Iterable[Mapping[str, Any]], host: str, path: str) -> Split:
    """How requests for a host and a path are split; without any route, as at phase 0."""
    header = False
    for route in _routes(tables, host):
        match = route.get("match", {})
        if not _matches(match, path):
            continue
        # A stack may have a canary header of any name.
        if {one.get("name", "") for one in match.get("headers", ())} - {":method"}:
            header = header or _weight(route) == WHOLE
        else:
            return Split(header, _weight(route))
    return Split(header)


def _routes(tables: Iterable[Mapping[str, Any]], host: str) -> Iterable[dict[str, Any]]:
    for table in tables:
        for virtual in table.get("virtual_hosts", ()):
            domains = {domain.removesuffix(":*") for domain in virtual.get("domains", ())}
            if host in domains:
                yield from virtual.get("routes", ())


def _matches(match: Mapping[str, Any], path: str) -> bool:
    if "path" in match:
        return bool(match["path"] == path)
    if "prefix" in match:
        return path.startswith(match["prefix"])
    if "path_separated_prefix" in match:
        prefix = match["path_separated_prefix"]
        return path == prefix or path.startswith(f"{prefix}/")
    pattern = match.get("safe_regex", {}).get("regex")
    return pattern is not None and re.fullmatch(pattern, path) is not None


def _weight(route: Mapping[str, Any]) -> int:
    action = route.get("route", {})
    if "cluster" in action:
        return WHOLE if _is_canary(action["cluster"]) else 0
    clusters = action.get("weighted_clusters", {}).get("clusters", ())
    return sum(one.get("weight", 0) for one in clusters if _is_canary(one["name"]))


def _is_canary(cluster: str) -> bool:
    return any(name in cluster for name in CANARY_CLUSTERS)

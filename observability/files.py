"""The files that this package makes, as texts by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from eco2.stack.config import stack_config
from observability.alerts import alerts
from observability.dashboard import dashboard_json
from observability.recording import recording_rules
from observability.route_weights import cluster_role, custom_resource_state
from observability.watched import Watched
from rollout.spec.files import read_catalog, stacks_with_file
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rollout.spec.catalog import Catalog

FOLDER: Final = "observability"
PROMETHEUS: Final = f"{FOLDER}/prometheus"
STACKS: Final = f"{PROMETHEUS}/stacks"
RULES_NAME: Final = "eco2-rules.yaml"
OBJECT_NAME: Final = "prometheusrule.yaml"
RULES: Final = f"{PROMETHEUS}/{RULES_NAME}"
RULE_OBJECT: Final = f"{PROMETHEUS}/{OBJECT_NAME}"
ROUTE_WEIGHTS: Final = f"{FOLDER}/kube-state-metrics/custom-resource-state.yaml"
RIGHTS: Final = f"{FOLDER}/kube-state-metrics/cluster-role.yaml"
DASHBOARD: Final = f"{FOLDER}/grafana/eco2-rollouts.json"
WRITTEN: Final = "# Written by `make docs` from "
WIDTH: Final = 110
EVERY: Final = "30s"


def files(project: Path) -> dict[str, str]:
    """Every file, by its path in the project.

    Args:
        project: The folder with the catalog, `Pulumi.yaml` and the stacks' files.

    Raises:
        ConfigError: If the catalog or a stack's file cannot be used.
    """
    catalog = read_catalog(project / "services.yaml")
    watched = Watched(catalog.services)
    groups = rule_groups(watched)
    return {
        **_rules(PROMETHEUS, groups),
        ROUTE_WEIGHTS: _yaml(custom_resource_state(watched)),
        RIGHTS: _yaml(cluster_role()),
        DASHBOARD: dashboard_json(watched),
        **_rules_of_stacks(project, catalog, groups),
    }


def stale(project: Path, made: Mapping[str, str]) -> tuple[str, ...]:
    """The rules of stacks that were written once and that no stack needs any more, by their paths in the project.

    Args:
        project: The same folder.
        made: What `files` says of it.
    """
    found = sorted((project / STACKS).glob("*/*.yaml"))
    paths = {one.relative_to(project).as_posix(): one for one in found}
    return tuple(
        path
        for path, file in paths.items()
        if path not in made and file.read_text("utf-8").startswith(WRITTEN)
    )


def _rules_of_stacks(project: Path, catalog: Catalog, general: dict[str, Any]) -> dict[str, str]:
    """Rules of their own for the stacks whose judge allows other failures than that of `services.yaml`."""
    found: dict[str, str] = {}
    for stack in stacks_with_file(project):
        file = f"Pulumi.{stack}.yaml"
        wanted = resolve(catalog, read_settings(file, stack_config(project, stack), catalog))
        groups = rule_groups(Watched({name: one.service for name, one in wanted.items()}))
        if groups != general:
            found |= _rules(f"{STACKS}/{stack}", groups, file)
    return found


def _rules(folder: str, groups: dict[str, Any], *sources: str) -> dict[str, str]:
    """The rules as a file and as an object."""
    rule_object = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        # One name for all stacks: the rules of one take the place of the general ones.
        "metadata": {"name": "eco2-rollouts", "labels": {"app.kubernetes.io/name": "eco2-rollouts"}},
        "spec": groups,
    }
    return {
        f"{folder}/{RULES_NAME}": _yaml(groups, *sources),
        f"{folder}/{OBJECT_NAME}": _yaml(rule_object, *sources),
    }


def rule_groups(watched: Watched) -> dict[str, Any]:
    """What both a rules file and a PrometheusRule hold."""
    return {
        "groups": [
            {"name": "eco2-recording", "interval": EVERY, "rules": recording_rules(watched)},
            {"name": "eco2-alerts", "interval": EVERY, "rules": alerts(watched)},
        ]
    }


class _Dumper(yaml.SafeDumper):
    """YAML with texts of several lines as blocks, and no aliases."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(data: dict[str, Any], *sources: str) -> str:
    named = ["services.yaml", *sources, "observability/*.py"]
    head = f"{WRITTEN}{', '.join(named[:-1])} and {named[-1]}; change those, not this file.\n"
    return head + yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)

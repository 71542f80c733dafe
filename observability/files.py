"""The files that this package makes, as texts by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from observability.alerts import alerts
from observability.dashboard import dashboard_json
from observability.recording import recording_rules
from observability.route_weights import cluster_role, custom_resource_state
from observability.watched import Watched
from rollout.spec.files import read_catalog

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "observability"
RULES: Final = f"{FOLDER}/prometheus/eco2-rules.yaml"
RULE_OBJECT: Final = f"{FOLDER}/prometheus/prometheusrule.yaml"
ROUTE_WEIGHTS: Final = f"{FOLDER}/kube-state-metrics/custom-resource-state.yaml"
RIGHTS: Final = f"{FOLDER}/kube-state-metrics/cluster-role.yaml"
DASHBOARD: Final = f"{FOLDER}/grafana/eco2-rollouts.json"
HEAD: Final = (
    "# Written by `make docs` from services.yaml and observability/*.py; change those, not this file.\n"
)
WIDTH: Final = 110
EVERY: Final = "30s"


def files(project: Path) -> dict[str, str]:
    """Every file, by its path in the project.

    Args:
        project: The folder with the catalog.

    Raises:
        ConfigError: If the catalog cannot be used.
    """
    watched = Watched(read_catalog(project / "services.yaml").services)
    groups = rule_groups(watched)
    return {
        RULES: _yaml(groups),
        RULE_OBJECT: _yaml(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "PrometheusRule",
                "metadata": {"name": "eco2-rollouts", "labels": {"app.kubernetes.io/name": "eco2-rollouts"}},
                "spec": groups,
            }
        ),
        ROUTE_WEIGHTS: _yaml(custom_resource_state(watched)),
        RIGHTS: _yaml(cluster_role()),
        DASHBOARD: dashboard_json(watched),
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


def _yaml(data: dict[str, Any]) -> str:
    return HEAD + yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)

"""How far every rollout is: what the stack says beside what the cluster runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from eco2.cluster import Cluster, Pods, deployments
from eco2.pulumi_stack import outputs
from eco2.stack_config import stack_config
from rollout.files import read_catalog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class ServiceStatus:
    """One line of the table.

    Attributes:
        service: Its name.
        phase: Number and name.
        weight: Per cent of requests without the header that reach the canary.
        stable: Its pods; None if its Deployment is missing.
        canary: The same; None without a canary.
        node_group: The domain whose nodes it runs on.
    """

    service: str
    phase: str
    weight: float
    stable: Pods | None
    canary: Pods | None
    node_group: str

    def as_json(self) -> dict[str, Any]:
        """The line for scripts."""
        return asdict(self)


def status(project: Path, stack: str) -> list[ServiceStatus]:
    """Reads every service, in the catalog's order.

    Raises:
        ConfigError: If a file of the project cannot be used.
        PulumiError: If the stack cannot be read.
        ClusterError: If the cluster cannot be asked.
    """
    catalog = read_catalog(project / "services.yaml")
    context = stack_config(project, stack).get("kubernetes:context", "")
    rollouts = outputs(project, stack).get("rollouts", {})
    pods = deployments(Cluster(context), catalog.part_of)
    return [
        ServiceStatus(
            service=name,
            phase=f"{rollout.get('phase', 0)} {rollout.get('phaseName', 'not yet up')}",
            weight=rollout.get("share", 0),
            stable=pods.get(name),
            canary=pods.get(f"{name}-canary"),
            node_group=service.domain,
        )
        for name, service in catalog.services.items()
        for rollout in (rollouts.get(name, {}),)
    ]


def table(lines: Sequence[ServiceStatus]) -> Table:
    """The status as a table; what lacks ready pods is red."""
    shown = Table(
        "service", "phase", "canary gets", "stable", "canary", "node group", box=None, pad_edge=False
    )
    for line in lines:
        moving = "bold" if line.canary else ""
        weight = f"{line.weight:g} %" if line.canary else "-"
        shown.add_row(
            line.service,
            line.phase,
            weight,
            _pods(line.stable),
            _pods(line.canary),
            line.node_group,
            style=moving,
        )
    return shown


def _pods(pods: Pods | None) -> str:
    if pods is None:
        return "-"
    return str(pods) if pods.ready >= pods.wanted else f"[red]{pods}[/red]"

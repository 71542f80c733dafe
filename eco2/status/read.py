"""Reads everything that a look needs: files, the stack's outputs, the cluster, Prometheus; all at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from eco2.prometheus import Prometheus, PrometheusError
from eco2.pulumi_stack import PulumiError, outputs
from eco2.stack_config import stack_config
from eco2.status.events import warnings
from eco2.status.live import Objects, read_live
from eco2.status.snapshot import Snapshot, Status, Step, read_left, read_step
from eco2.together import Later
from kube.cluster import PART_OF, Cluster
from rollout.files import read_catalog
from rollout.plan import plan
from rollout.prior import read_prior
from rollout.problems import ConfigError, Problem, refuse_strangers
from rollout.services import resolve
from rollout.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eco2.prometheus import Requests
    from rollout.catalog import Catalog, Service

OUTPUTS_SECONDS = 5.0
"""How often outputs are read again: a process of the CLI each time."""

_LISTS = {
    "deployments": "/apis/apps/v1/deployments",
    "virtual_services": "/apis/networking.istio.io/v1/virtualservices",
    "services": "/api/v1/services",
}
_DETAILED_LISTS = {"replica_sets": "/apis/apps/v1/replicasets", "pods": "/api/v1/pods"}


@dataclass(frozen=True)
class Look:
    """What to look at.

    Attributes:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        services: The services; empty for all.
        detailed: Whether ReplicaSets, pods and events are wanted, too.
        prometheus: The URL of a Prometheus; None without one.
    """

    project: Path
    stack: str
    services: tuple[str, ...] = ()
    detailed: bool = False
    prometheus: str | None = None


@dataclass
class _Config:
    """What the files say, and when they were written."""

    catalog: Catalog
    written: tuple[float, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    error: ConfigError | None = None


class Reader:
    """Looks as often as asked; keeps what is slow to read and seldom changes.

    Attributes:
        outputs_failed: Whether at the last look the stack's outputs, or an entry of them, could not be read.
    """

    def __init__(self, look: Look, left: Later[dict[str, Any]] | None = None) -> None:
        """Reads the files, and begins to read the outputs.

        Args:
            look: What to look at.
            left: The stack's outputs, if somebody has begun to read them.

        Raises:
            ConfigError: If the services cannot be read, one is unknown, or no context is named.
            ClusterError: If the context is unknown.
            PrometheusError: If its URL is none.
        """
        self._look = look
        self._asked = left or self._ask()
        self._asked_at, self._asked_once = time.monotonic(), False
        self._outputs: dict[str, Any] | None = None
        self._outputs_note = ""
        self.outputs_failed = False
        self._files = self._read_files()
        refuse_strangers(look.services, self._files.catalog.services)
        self.context = self._files.config.get("kubernetes:context", "")
        if not self.context:
            why = "missing; name the context of this stack's cluster"
            missing = Problem(f"Pulumi.{look.stack}.yaml", "kubernetes:context", why)
            raise self._files.error or ConfigError([missing])
        self._cluster = Cluster(self.context)
        self._prometheus = Prometheus(look.prometheus) if look.prometheus else None

    def _ask(self) -> Later[dict[str, Any]]:
        return Later(partial(outputs, self._look.project, self._look.stack))

    def _read_files(self) -> _Config:
        """Reads the files; a stack's file that cannot be used leaves a note."""
        project, stack = self._look.project, self._look.stack
        files = [project / name for name in ("services.yaml", "Pulumi.yaml", f"Pulumi.{stack}.yaml")]
        written = tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files)
        read = _Config(read_catalog(files[0]), written)
        try:
            read.config = stack_config(project, stack)
        except ConfigError as error:
            read.note, read.error = _first_problem(error), error
        return read

    def _current_files(self) -> _Config:
        """The files as they are now; while somebody edits them, the last that could be used."""
        project = self._look.project
        files = [
            project / name for name in ("services.yaml", "Pulumi.yaml", f"Pulumi.{self._look.stack}.yaml")
        ]
        if tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files) != self._files.written:
            try:
                self._files = self._read_files()
            except ConfigError as error:
                self._files.note = _first_problem(error)
        return self._files

    def _last_outputs(self) -> dict[str, Any] | None:
        """The outputs; the first time they are waited for, afterwards they come when they come.

        None if they could never be read.
        """
        if self._asked.done or not self._asked_once:
            try:
                self._outputs, self._outputs_note = self._asked.result(), ""
            except (PulumiError, ValueError) as error:
                self._outputs_note = f"the stack's outputs cannot be read: {' '.join(str(error).split())}"
            self._asked_once = True
            if time.monotonic() - self._asked_at > OUTPUTS_SECONDS:
                self._asked, self._asked_at = self._ask(), time.monotonic()
        return self._outputs

    def read(self) -> Snapshot:
        """Looks once.

        Raises:
            ClusterError: If the cluster cannot be asked.
        """
        files = self._current_files()
        chosen = {
            name: service
            for name, service in files.catalog.services.items()
            if not self._look.services or name in self._look.services
        }
        lists = {name: Later(partial(self._list, path, chosen)) for name, path in self._paths().items()}
        events = Later(partial(self._events, chosen)) if self._look.detailed else None
        counted = Later(partial(self._prometheus.requests, chosen)) if self._prometheus else None
        left = self._last_outputs()
        wanted, note = _wanted(files, f"Pulumi.{self._look.stack}.yaml", left or {})
        measured, measured_note = _counts(counted)
        objects = Objects(**{name: later.result() for name, later in lists.items()})
        warned, now = events.result() if events else [], datetime.now(UTC)
        applied = {name: read_left(left, name) for name in chosen}
        services = tuple(
            Status(
                service=name,
                kind=service.kind,
                node_group=service.domain,
                wanted=wanted.get(name),
                applied=applied[name][0],
                live=read_live(name, service, objects),
                measured=measured.get(name),
                events=warnings(
                    warned, service.namespace, (name, f"{name}-canary", *service.companions), now
                ),
                outputs_known=applied[name][1],
            )
            for name, service in chosen.items()
        )
        self.outputs_failed = not all(known for _, known in applied.values()) or bool(self._outputs_note)
        notes = tuple(filter(None, (note, self._outputs_note or _unread(applied), measured_note)))
        return Snapshot(self._look.stack, self.context, now, services, notes)

    def _paths(self) -> dict[str, str]:
        return _LISTS | (_DETAILED_LISTS if self._look.detailed else {})

    def _list(self, path: str, chosen: Mapping[str, Service]) -> list[dict[str, Any]]:
        selector = f"{PART_OF}={self._files.catalog.part_of}"
        if self._look.services:
            apps = {name for service in chosen.values() for name in service.companions} | chosen.keys()
            selector += f",app in ({','.join(sorted(apps))})"
        return self._cluster.list(path, {"labelSelector": selector})

    def _events(self, chosen: Mapping[str, Service]) -> list[dict[str, Any]]:
        """Warnings carry no labels; where one namespace is enough, only its own are read."""
        namespaces = {service.namespace for service in chosen.values()}
        place = f"/namespaces/{namespaces.pop()}" if len(namespaces) == 1 else ""
        return self._cluster.list(f"/api/v1{place}/events", {"fieldSelector": "type=Warning"})


def _wanted(files: _Config, file: str, left: dict[str, Any]) -> tuple[dict[str, Step], str]:
    """What the config asks for, by service; and a note if it cannot be used."""
    if files.note:
        return {}, files.note
    try:
        settings = read_settings(file, files.config, files.catalog)
    except ConfigError as error:
        return {}, _first_problem(error)
    prior = read_prior(left)
    planned = {
        name: read_step(plan(one, prior.get(name)).output())
        for name, one in resolve(files.catalog, settings).items()
    }
    return {name: step for name, step in planned.items() if step}, ""


def _unread(applied: Mapping[str, tuple[Step | None, bool]]) -> str:
    names = ", ".join(name for name, (_, known) in applied.items() if not known)
    return (
        f"what the last update left of {names} is written in another shape than this program's"
        if names
        else ""
    )


def _counts(counted: Later[dict[str, Requests]] | None) -> tuple[dict[str, Requests], str]:
    if counted is None:
        return {}, ""
    try:
        return counted.result(), ""
    except PrometheusError as error:
        return {}, str(error)


def _first_problem(error: ConfigError) -> str:
    more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
    return f"{error.problems[0]}{more}"

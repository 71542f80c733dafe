"""Reads everything that a look needs: files, the stack's outputs, the cluster, Prometheus; all at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from eco2.background import Later
from eco2.prometheus import Prometheus, PrometheusError
from eco2.stack.cli import PulumiError
from eco2.stack.config import stack_config
from eco2.stack.state import StackState, state_by_backend
from eco2.status.events import warnings
from eco2.status.lists import Lists
from eco2.status.live import read_live
from eco2.status.snapshot import Snapshot, Status, Step, read_applied
from kube.cluster import ClusterClient
from kube.kinds import path
from rollout.plan.prior import read_prior
from rollout.plan.service_plan import plan
from rollout.problems import ConfigError, Problem, refuse_strangers
from rollout.spec.files import read_catalog
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings
from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eco2.prometheus import Requests
    from rollout.spec.catalog import Catalog, Service

STATE_SECONDS = 5.0
"""How often the state is read again: a process of the CLI each time."""


@dataclass(frozen=True)
class StatusQuery:
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
        incomplete: Whether at the last look something could not be read: the stack's state, an entry of its
            outputs, or a kind of objects.
    """

    def __init__(self, query: StatusQuery, last: Later[StackState] | None = None) -> None:
        """Reads the files, and begins to read the state.

        Args:
            query: What to look at.
            last: The stack's state, if somebody has begun to read it.

        Raises:
            ConfigError: If the services cannot be read, one is unknown, or no context is named.
            ClusterError: If the context is unknown.
            PrometheusError: If its URL is none.
        """
        self._query = query
        self._asked = last or self._ask()
        self._asked_at, self._asked_once = time.monotonic(), False
        self._last: StackState | None = None
        self._last_note = ""
        self.incomplete = False
        self._files = self._read_files()
        refuse_strangers(query.services, self._files.catalog.services)
        self.context = self._files.config.get("kubernetes:context", "")
        if not self.context:
            why = "missing; name the context of this stack's cluster"
            missing = Problem(f"Pulumi.{query.stack}.yaml", "kubernetes:context", why)
            raise self._files.error or ConfigError([missing])
        self._cluster = ClusterClient(self.context)
        self._prometheus = Prometheus(query.prometheus) if query.prometheus else None

    def _ask(self) -> Later[StackState]:
        return Later(partial(state_by_backend, self._query.project, self._query.stack))

    def _read_files(self) -> _Config:
        """Reads the files; a stack's file that cannot be used leaves a note."""
        project, stack = self._query.project, self._query.stack
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
        project = self._query.project
        files = [
            project / name for name in ("services.yaml", "Pulumi.yaml", f"Pulumi.{self._query.stack}.yaml")
        ]
        if tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files) != self._files.written:
            try:
                self._files = self._read_files()
            except ConfigError as error:
                self._files.note = _first_problem(error)
        return self._files

    def _last_update(self) -> StackState | None:
        """The state; the first time it is waited for, afterwards it comes when it comes.

        None if it could never be read.
        """
        if self._asked.done or not self._asked_once:
            try:
                self._last, self._last_note = self._asked.result(), ""
            except (PulumiError, ValueError) as error:
                self._last_note = f"the stack's state cannot be read: {' '.join(str(error).split())}"
            self._asked_once = True
            if time.monotonic() - self._asked_at > STATE_SECONDS:
                self._asked, self._asked_at = self._ask(), time.monotonic()
        return self._last

    def read(self) -> Snapshot:
        """Looks once.

        Raises:
            ClusterError: If the cluster cannot be asked.
        """
        files = self._current_files()
        chosen = {
            name: service
            for name, service in files.catalog.services.items()
            if not self._query.services or name in self._query.services
        }
        lists = self._lists(chosen)
        events = Later(partial(self._events, chosen)) if self._query.detailed else None
        counted = Later(partial(self._prometheus.requests, chosen)) if self._prometheus else None
        last = self._last_update()
        outputs = None if last is None else last.outputs
        wanted, header, note = _wanted(files, f"Pulumi.{self._query.stack}.yaml", outputs or {})
        measured, measured_note = _counts(counted)
        objects = lists.objects()
        drift, unseen = lists.drift(last.state if last else ())
        warned, now = events.result() if events else [], datetime.now(UTC)
        applied = read_applied(outputs, chosen)
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
                    warned, service.namespace, (name, canary_name(name), *service.companions), now
                ),
                outputs_known=applied[name][1],
                drift=drift.get(name, ()),
            )
            for name, service in chosen.items()
        )
        up = {chosen[name].namespace for name, (step, _) in applied.items() if step}
        bare = lists.without_sidecars(up, self._query.stack)
        last_note = self._last_note or _unread(applied)
        self.incomplete = bool(last_note or unseen)
        notes = tuple(filter(None, (note, last_note, *unseen, bare, measured_note)))
        return Snapshot(self._query.stack, self.context, now, services, notes, header)

    def _lists(self, chosen: Mapping[str, Service]) -> Lists:
        companions = {name for service in chosen.values() for name in service.companions}
        apps = companions | chosen.keys() if self._query.services else ()
        return Lists(self._cluster, self._files.catalog.part_of, apps, detailed=self._query.detailed)

    def _events(self, chosen: Mapping[str, Service]) -> list[dict[str, Any]]:
        """Warnings carry no labels; where one namespace is enough, only its own are read."""
        namespaces = {service.namespace for service in chosen.values()}
        own = namespaces.pop() if len(namespaces) == 1 else ""
        return self._cluster.list(path("Event", own), {"fieldSelector": "type=Warning"})


def _wanted(files: _Config, file: str, last: Mapping[str, Any]) -> tuple[dict[str, Step], str, str]:
    """What the config asks for, by service; the header that reaches canaries; a note if it cannot be used."""
    if files.note:
        return {}, "", files.note
    try:
        settings = read_settings(file, files.config, files.catalog)
    except ConfigError as error:
        return {}, "", _first_problem(error)
    prior = read_prior(last)
    services = resolve(files.catalog, settings)
    steps = {name: Step.of(plan(one, prior.get(name)).leaves) for name, one in services.items()}
    return steps, str(settings.canary_header or files.catalog.canary_header), ""


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

"""The project's files, and the kubeconfig's context that the stack names."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eco2.doctor.finding import fine, missing
from eco2.stack.config import stack_config
from kube.cluster import ClusterClient
from kube.errors import ClusterError
from rollout.problems import ConfigError, suggestion
from rollout.spec.files import read_catalog, read_yaml
from rollout.spec.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.doctor.finding import CheckResult
    from rollout.spec.catalog import Catalog
    from rollout.spec.settings import Settings

FILES = "files"
KUBECONFIG = "kubeconfig"
OLDEST_MINOR = 30
"""The first minor version of Kubernetes whose kubelet sleeps before a pod stops."""


@dataclass
class ProjectFiles:
    """What the files say, as far as they can be used.

    Attributes:
        stack: The stack.
        config: Its keys as text.
        catalog: The services; None if they cannot be read.
        settings: The stack's settings; None if they cannot be used.
    """

    stack: str
    config: Mapping[str, str]
    catalog: Catalog | None = None
    settings: Settings | None = None

    @property
    def context(self) -> str:
        """The context that the stack names; empty if it names none."""
        return self.config.get("kubernetes:context", "")


def read_files(project: Path, stack: str) -> tuple[ProjectFiles, list[CheckResult]]:
    """Reads `services.yaml` and the stack's file."""
    known, found = ProjectFiles(stack, {}), []
    file = f"Pulumi.{stack}.yaml"
    try:
        known.catalog = read_catalog(project / "services.yaml")
        found.append(fine(FILES, f"services.yaml, {len(known.catalog.services)} services"))
    except ConfigError as error:
        found += [missing(FILES, str(one), "edit services.yaml") for one in error.problems]
    try:
        known.config = stack_config(project, stack)
        if known.catalog:
            known.settings = read_settings(file, known.config, known.catalog)
            found.append(fine(FILES, file))
    except ConfigError as error:
        found += [missing(FILES, str(one), f"edit {file}") for one in error.problems]
    return known, found


def connect(known: ProjectFiles) -> tuple[ClusterClient | None, list[CheckResult]]:
    """The cluster behind the stack's context, if it answers."""
    files = kubeconfigs()
    there = [file for file in files if file.exists()]
    named = ", ".join(map(str, files))
    if not there:
        return None, [missing(KUBECONFIG, f"no kubeconfig ({named})", _get_kubeconfig(known))]
    if not known.context:
        what = f"Pulumi.{known.stack}.yaml names no kubernetes:context"
        command = f"pulumi config set kubernetes:context CONTEXT --stack {known.stack}"
        return None, [missing(KUBECONFIG, what, command)]
    contexts = [name for file in there for name in _contexts(file)]
    if known.context not in contexts:
        what = f"no context {known.context} in {named}; {suggestion(known.context, contexts)}"
        return None, [missing(KUBECONFIG, what, _get_kubeconfig(known))]
    found = [fine(KUBECONFIG, f"context {known.context}")]
    try:
        cluster = ClusterClient(known.context)
        told = cluster.get("/version") or {}
    except ClusterError as error:
        command = f"kubectl --context {known.context} get --raw /readyz"
        return None, [*found, missing(KUBECONFIG, str(error), command)]
    name, minor = told.get("gitVersion", "of unknown version"), str(told.get("minor", "")).rstrip("+")
    found.append(fine(KUBECONFIG, f"the cluster answers, Kubernetes {name}"))
    if told.get("major") == "1" and minor.isdigit() and int(minor) < OLDEST_MINOR:
        what = f"Kubernetes {name} knows no preStop sleep; 1.{OLDEST_MINOR} or later is needed"
        upgrade = f"aws eks update-cluster-version --kubernetes-version 1.{OLDEST_MINOR} --name {_cluster_name(known)}"
        found.append(missing(KUBECONFIG, what, upgrade))
    return cluster, found


def kubeconfigs() -> list[Path]:
    """The files that make up the kubeconfig."""
    named = os.environ.get("KUBECONFIG", "")
    parts = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
    return parts or [Path("~/.kube/config").expanduser()]


def _contexts(file: Path) -> list[str]:
    try:
        return [str(one["name"]) for one in read_yaml(file).get("contexts") or ()]
    except (ConfigError, KeyError, TypeError):
        return []


def _get_kubeconfig(known: ProjectFiles) -> str:
    # A file that cannot be used may hold anything, and this is for a shell.
    given = (_cluster_name(known), known.config.get("aws:region") or "REGION", known.context or "CONTEXT")
    name, region, alias = map(shlex.quote, given)
    return f"aws eks update-kubeconfig --name {name} --region {region} --alias {alias}"


def _cluster_name(known: ProjectFiles) -> str:
    return known.settings.cluster.name if known.settings else "CLUSTER"

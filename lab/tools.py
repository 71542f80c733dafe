"""The programs of the lab, built once from pinned Go modules into the user's cache.

Versions and checksums are those of `gomod/NAME/go.mod` and `go.sum`; a folder in the cache
is named after a digest of the two, so a new pin builds anew and an old lab keeps its tools.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.places import cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PINS = Path(__file__).with_name("gomod")
OLDEST_PULUMI = (3, 238)
"""Since this version a failed hook fails the update (pulumi CHANGELOG 3.238.0)."""


class BuildError(Exception):
    """A tool cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Tool:
    """A program.

    Attributes:
        name: Its file name.
        module: The folder in `gomod` that pins it.
        package: The Go package of its main function.
        tags: Build tags.
    """

    name: str
    module: str
    package: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Files:
    """Files out of a Go module that are no programs.

    Attributes:
        name: The folder in the cache.
        module: The folder in `gomod` that pins them.
        path: The Go module's path.
        globs: Which files of the module.
    """

    name: str
    module: str
    path: str
    globs: tuple[str, ...]


TOOLS = (
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    Tool("kube-apiserver", "kube", "k8s.io/kubernetes/cmd/kube-apiserver"),
    Tool("kube-controller-manager", "kube", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    Tool("kube-scheduler", "kube", "k8s.io/kubernetes/cmd/kube-scheduler"),
    Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
)
ISTIOD = Tool("pilot-discovery", "istio", "istio.io/istio/pilot/cmd/pilot-discovery")
PULUMI = Tool("pulumi", "pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
ISTIOCTL = Tool("istioctl", "istio", "istio.io/istio/istioctl/cmd/istioctl")
ACTIONLINT = Tool("actionlint", "actionlint", "github.com/rhysd/actionlint/cmd/actionlint")
"""No part of a lab: the tests check the workflows of `.github/` with it."""
WITHOUT_DISCOVERY = ("remove_all_sd",)
"""A lab's Prometheus has its targets in a file; finding others would take the SDKs of twenty clouds."""
PROMETHEUS = Tool(
    "prometheus", "prometheus", "github.com/prometheus/prometheus/cmd/prometheus", WITHOUT_DISCOVERY
)
BESIDE = (PROMETHEUS,)
"""Built while others are: what is linked takes one processor, and these take the rest."""
PROMTOOL = Tool("promtool", "prometheus", "github.com/prometheus/prometheus/cmd/promtool", WITHOUT_DISCOVERY)
"""No part of a lab: the tests check rules with it."""
ARGO = (
    Tool("rollouts-controller", "argo", "github.com/argoproj/argo-rollouts/cmd/rollouts-controller"),
    Tool("kubectl-argo-rollouts", "argo", "github.com/argoproj/argo-rollouts/cmd/kubectl-argo-rollouts"),
    Files(
        "argo-rollouts-definitions",
        "argo",
        "github.com/argoproj/argo-rollouts",
        ("manifests/crds/*-crd.yaml",),
    ),
)
"""Argo Rollouts, which the measurements set beside this project; no lab runs it by itself."""
FILES = (
    Files("istio-crds", "istio", "istio.io/istio", ("manifests/charts/base/files/crd-all.gen.yaml",)),
    Files("keda-crds", "keda", "github.com/kedacore/keda/v2", ("config/crd/bases/keda.sh_*.yaml",)),
    Files(
        "kwok-stages",
        "kwok",
        "sigs.k8s.io/kwok",
        (
            "kustomize/stage/node/fast/node-*.yaml",
            "kustomize/stage/node/heartbeat-with-lease/node-*.yaml",
        ),
    ),
)


def folder(pinned: Tool | Files) -> Path:
    """Where it is, or will be, in the cache."""
    pins = PINS / pinned.module
    digest = hashlib.sha256((pins / "go.mod").read_bytes() + (pins / "go.sum").read_bytes()).hexdigest()
    return cache() / f"{pinned.name}-{digest[:12]}"


def program(tool: Tool) -> Path:
    """The built program."""
    return folder(tool) / tool.name


def pulumi_on_path() -> Path | None:
    """The user's own `pulumi`, if it is new enough."""
    found = shutil.which("pulumi")
    if not found or Path(found).is_relative_to(cache()):
        return None
    answer = subprocess.run([found, "version"], check=False, capture_output=True, text=True).stdout
    version = re.match(r"v?(\d+)\.(\d+)", answer)
    new_enough = version is not None and (int(version[1]), int(version[2])) >= OLDEST_PULUMI
    return Path(found) if new_enough else None


def wanted_tools(*, istioctl: bool = False) -> tuple[Tool, ...]:
    """The programs that a lab needs on this machine."""
    pulumi = () if pulumi_on_path() else (PULUMI,)
    return (PROMETHEUS, *TOOLS, ISTIOD, *pulumi, *((ISTIOCTL,) if istioctl else ()))


def missing(*, istioctl: bool = False, argo: bool = False) -> tuple[Tool | Files, ...]:
    """What still has to be built or fetched."""
    pinned: tuple[Tool | Files, ...] = (
        *wanted_tools(istioctl=istioctl),
        *FILES,
        *(ARGO if argo else ()),
    )
    return tuple(one for one in pinned if not folder(one).exists())


def make(pinned: Tool | Files, *, patiently: bool = False) -> None:
    """Builds a program, or fetches files; an earlier, interrupted build goes on where it stopped.

    The result appears whole or not at all, and Go's own cache keeps what was compiled so far.

    Args:
        pinned: What to make.
        patiently: Take only the processor's time that nobody else wants.

    Raises:
        BuildError: If Go is missing or fails.
    """
    if not shutil.which("go"):
        raise BuildError("no go on PATH; install Go 1.26 or later, which builds the lab's programs")
    target = folder(pinned)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target), tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as scratch:
        if target.exists():
            return
        module = Path(scratch) / "module"
        shutil.copytree(PINS / pinned.module, module)
        result = Path(scratch) / "result"
        result.mkdir()
        if isinstance(pinned, Tool):
            command = [
                "build",
                "-mod=readonly",
                f"-tags={','.join(pinned.tags)}",
                "-ldflags",
                "-s -w",
                "-o",
                str(result / pinned.name),
                pinned.package,
            ]
            _go(module, *command, patiently=patiently)
        else:
            _copy_files(pinned, module, result)
        result.rename(target)


def _copy_files(pinned: Files, module: Path, result: Path) -> None:
    source = Path(json.loads(_go(module, "mod", "download", "-json", pinned.path))["Dir"])
    for glob in pinned.globs:
        found = sorted(source.glob(glob))
        if not found:
            raise BuildError(f"the module {pinned.path} has no {glob}")
        for path in found:
            # Two folders of one module may hold files of one name.
            shutil.copyfile(path, result / "-".join(path.relative_to(source).parts[-2:]))


def _go(module: Path, *arguments: str, patiently: bool = False) -> str:
    command = [*(("nice", "-n", "19") if patiently else ()), "go", *arguments]
    done = subprocess.run(command, cwd=module, check=False, capture_output=True, text=True)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise BuildError(f"go {' '.join(arguments[:2])} failed in {module.name} for {arguments[-1]}:\n{last}")
    return done.stdout


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Two builds of one thing wait for each other."""
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure(say: Callable[[str], None], *, istioctl: bool = False, argo: bool = False) -> None:
    """Builds what is missing.

    Args:
        say: Takes a line for the user before each step.
        istioctl: Whether the analyser for Istio's objects is wanted too.
        argo: Whether Argo Rollouts is wanted too.

    Raises:
        BuildError: If something cannot be built.
    """
    todo = missing(istioctl=istioctl, argo=argo)
    beside = BESIDE if len(todo) > 1 else ()
    with ThreadPoolExecutor(1) as idle:
        begun = []
        for position, pinned in enumerate(todo, 1):
            how = " beside the others" if pinned in beside else ""
            say(f"[{position}/{len(todo)}] building {pinned.name}{how} (once; kept in {cache()})")
            if pinned in beside:
                begun.append(idle.submit(make, pinned, patiently=True))
            else:
                make(pinned)
        for one in begun:
            one.result()

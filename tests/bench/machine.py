"""On what was measured: the machine, and the versions of what ran."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from lab import tools
from lab.mesh import envoy

PINNED = {
    "Kubernetes": ("kube", "k8s.io/kubernetes"),
    "istiod": ("istio", "istio.io/istio"),
    "Argo Rollouts": ("argo", "github.com/argoproj/argo-rollouts"),
}
GIB = 2**30


def described() -> dict[str, str]:
    """The rows of the table at the head of docs/measurements.md."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "CPU": f"{os.cpu_count()} cores, {_cpu()}",
        "memory": f"{pages / GIB:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        **{name: _pinned(*where) for name, where in PINNED.items()},
        "Envoy": _envoy(),
        "Pulumi": _pulumi(),
        "pulumi (Python)": version("pulumi"),
    }


def _cpu() -> str:
    named = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    return named[1] if named else platform.machine()


def _pinned(module: str, path: str) -> str:
    pins = (tools.PINS / module / "go.mod").read_text("utf-8")
    found = re.search(rf"{re.escape(path)} v(\S+)", pins)
    assert found, f"{module} does not pin {path}"
    return found[1]


def _envoy() -> str:
    said = subprocess.run([envoy.program(), "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"/(\d+\.\d+\.\d+)", said)
    return found[1] if found else said.strip()


def _pulumi() -> str:
    program = tools.pulumi_on_path()
    if program is None:
        return _pinned("pulumi", "github.com/pulumi/pulumi/pkg/v3")
    said = subprocess.run([program, "version"], check=True, capture_output=True, text=True).stdout
    return said.strip().removeprefix("v").split("+")[0]

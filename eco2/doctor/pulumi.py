"""Pulumi's CLI, what it needs beside it, its backend, and the stack's state."""

from __future__ import annotations

import json
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from eco2.doctor.finding import fine, missing, unchecked, warning
from eco2.stack.cli import PulumiError, cli, pulumi
from eco2.stack.lock import has_ended
from rollout.text.plain import without_login

if TYPE_CHECKING:
    from eco2.doctor.finding import CheckResult

GROUP = "Pulumi"
OLDEST = (3, 238)
"""The first version whose hooks the program uses."""

INSTALL = "curl -fsSL https://get.pulumi.com | sh"
PLUGINS = ("kubernetes", "aws")
LOCK_HINT = "if nobody is updating: eco2 recover --stack {stack}"


def examine(project: Path, stack: str) -> list[CheckResult]:
    """Everything about Pulumi; never raises."""
    if shutil.which("pulumi") is None:
        found = [missing(GROUP, "no pulumi on PATH", INSTALL)]
        why = "there is no CLI"
        return found + [unchecked(GROUP, f"{what}, {why}") for what in ("plugins", "backend and stack")]
    return [*_version(), *_language(), *_plugins(), *_state(project, stack)]


def _version() -> list[CheckResult]:
    try:
        told = cli("version").strip()
    except PulumiError as error:
        return [missing(GROUP, f"the CLI does not run: {error}", INSTALL)]
    numbers = re.match(r"v?(\d+)\.(\d+)", told)
    oldest = ".".join(map(str, OLDEST))
    if numbers is None:
        said = f"says {told!r}" if told else "says nothing"
        return [warning(GROUP, f"the CLI {said} of its version; {oldest} or later is needed")]
    if (int(numbers[1]), int(numbers[2])) < OLDEST:
        return [missing(GROUP, f"the CLI is {told}; {oldest} or later is needed", INSTALL)]
    return [fine(GROUP, f"CLI {told}")]


def _language() -> list[CheckResult]:
    cli = shutil.which("pulumi") or ""
    beside = Path(cli).resolve().with_name("pulumi-language-python")
    if shutil.which("pulumi-language-python") or beside.exists():
        return [fine(GROUP, "language host for Python")]
    return [missing(GROUP, "no pulumi-language-python on PATH or beside the CLI", INSTALL)]


def _plugins() -> list[CheckResult]:
    try:
        listed: list[dict[str, Any]] = json.loads(cli("plugin", "ls", "--json"))
        installed = {one["name"] for one in listed if one.get("kind") == "resource"}
    except (PulumiError, ValueError, KeyError, TypeError):
        installed = set()
    found = []
    for name in PLUGINS:
        if shutil.which(f"pulumi-resource-{name}"):
            found.append(fine(GROUP, f"plugin {name}, on PATH"))
        elif name in installed:
            found.append(fine(GROUP, f"plugin {name}"))
        else:
            command = f"pulumi plugin install resource {name} {_locked(name)}".strip()
            found.append(warning(GROUP, f"plugin {name} is not there; the next update downloads it", command))
    return found


def _locked(plugin: str) -> str:
    """The plugin's version that the program's own package goes with."""
    try:
        return version(f"pulumi-{plugin}")
    except PackageNotFoundError:
        return ""


def _state(project: Path, stack: str) -> list[CheckResult]:
    try:
        backend: dict[str, Any] = json.loads(cli("whoami", "--json", "--cwd", str(project)))
    except PulumiError as error:
        why = _one_line(error)
        return [
            missing(GROUP, f"not logged in to a backend: {why}", "pulumi login s3://BUCKET, or pulumi login"),
            unchecked(GROUP, "the stack, without a backend"),
        ]
    except ValueError:
        backend = {}
    url = str(backend.get("url", ""))
    shown = without_login(url)
    try:
        exported = json.loads(pulumi(project, stack, "stack", "export"))
    except PulumiError as error:
        told = [fine(GROUP, f"backend {shown}")]
        if "no stack named" in str(error):
            return [*told, missing(GROUP, f"no stack {stack}", f"pulumi stack init {stack}")]
        return [*told, missing(GROUP, f"the stack cannot be read: {_one_line(error)}", "pulumi stack export")]
    pending = (exported.get("deployment") or {}).get("pending_operations") or []
    found = [fine(GROUP, f"backend {shown}, stack {stack}")]
    if pending:
        left = f"{len(pending)} operations that an interrupted update left open"
        found.append(missing(GROUP, left, f"eco2 recover --stack {stack}"))
    return [*found, *_lock(url, project, stack)]


def _lock(url: str, project: Path, stack: str) -> list[CheckResult]:
    """A lock of the stack, where it can be seen without asking for it: in a backend of files."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return _updating(project, stack)
    locks = Path(unquote(parts.netloc + parts.path)).expanduser() / ".pulumi" / "locks"
    found = []
    for file in sorted(locks.glob(f"**/{stack}/*.json")):
        try:
            lock = dict(json.loads(file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        owner = f"{lock.get('username')}@{lock.get('hostname')} (pid {lock.get('pid')})"
        pid = str(lock.get("pid"))
        if pid.isdecimal() and has_ended(str(lock.get("hostname")), pid):
            gone = f"the stack is locked by {owner}, which has ended"
            found.append(missing(GROUP, gone, f"eco2 recover --stack {stack}"))
        else:
            held = f"the stack is locked by {owner}: an update runs"
            found.append(warning(GROUP, held, LOCK_HINT.format(stack=stack)))
    return found or [fine(GROUP, "the stack is not locked")]


def _updating(project: Path, stack: str) -> list[CheckResult]:
    """Whether the backend says that an update runs; not every kind of backend can tell."""
    try:
        stacks: list[dict[str, Any]] = json.loads(pulumi(project, stack, "stack", "ls", "--json"))
        own = next(one for one in stacks if str(one["name"]).rsplit("/", 1)[-1] == stack)
    except (PulumiError, ValueError, KeyError, TypeError, StopIteration):
        return [unchecked(GROUP, "whether the stack is locked; this backend does not tell")]
    if own.get("updateInProgress"):
        return [warning(GROUP, "an update runs, or was interrupted", LOCK_HINT.format(stack=stack))]
    return [fine(GROUP, "no update runs")]


def _one_line(error: Exception) -> str:
    return without_login(" ".join(str(error).split()))

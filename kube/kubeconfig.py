"""The way to a cluster, read from the kubeconfig.

The official client does this, too, but takes 0.7 s to import, and an abort has one second for
everything. What this module does not know (proxies, old auth providers) it leaves to that client.
Whom the context's user acts as is read here for both: the official client passes over it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from kube.impersonation import KEYS as IMPERSONATION_KEYS
from kube.impersonation import impersonation
from kube.tls import tls_context
from kube.waiting import told_if_slow
from rollout.problems import ConfigError
from rollout.spec.yaml_bounds import Loader, read_bounded, within_bounds

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    from kube.impersonation import Headers

CLUSTER_KEYS = frozenset(
    {
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
        "extensions",
    }
)
USER_KEYS = frozenset(
    {"token", "tokenFile", "client-certificate", "client-certificate-data", "client-key", "client-key-data"}
    | {"exec", "extensions"}
    | IMPERSONATION_KEYS
)
PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
EXEC_SECONDS = 60
SECTIONS = ("contexts", "clusters", "users")


class KubeconfigError(Exception):
    """The kubeconfig does not lead to the cluster; the message says why."""


class UnknownContextError(KubeconfigError):
    """The kubeconfig has no such context: there is no cluster to ask from here."""


class UnknownWayError(Exception):
    """The kubeconfig asks for something that only the official client can do."""


@dataclass(frozen=True)
class Access:
    """The way to one API server.

    Attributes:
        server: Its URL.
        tls: Whom to trust, and the client's own certificate; None over plain HTTP.
        token: A bearer token; empty without one.
        acting_as: Whom the user acts as; empty for itself.
    """

    server: str
    tls: ssl.SSLContext | None
    token: str
    acting_as: Headers = ()


@dataclass(frozen=True)
class KubeconfigEntry:
    """A cluster's or user's entry, and the folder that its relative paths start from."""

    values: Mapping[str, Any]
    folder: Path

    def path(self, key: str) -> str | None:
        """The file that a key names."""
        value = self.values.get(key)
        return str(self.folder / str(value)) if value else None

    def data(self, key: str) -> bytes | None:
        """What stands in the kubeconfig in place of that file."""
        value = self.values.get(f"{key}-data")
        return base64.b64decode(value) if value else None


def access(context: str) -> Access:
    """Reads the way to a cluster; runs the credential plugin that the context's user names.

    Args:
        context: The context; never the ambient one.

    Raises:
        UnknownContextError: If there is no such context.
        KubeconfigError: If its credentials cannot be had.
        UnknownWayError: If only the official client knows how.
    """
    cluster, user = _chosen(context)
    strange = (cluster.values.keys() - CLUSTER_KEYS) | (user.values.keys() - USER_KEYS)
    proxy = next((name for name in PROXIES if os.environ.get(name)), None)
    if strange or proxy or "server" not in cluster.values:
        raise UnknownWayError(", ".join(sorted(strange)) or proxy)
    try:
        return _read(cluster, user)
    except (OSError, ValueError, ConfigError) as error:
        raise KubeconfigError(f"the kubeconfig's context {context} cannot be used: {error}") from None
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        reason = f"its cluster, its user or what their credential plugin tells has another shape ({what})"
        raise KubeconfigError(f"the kubeconfig's context {context} cannot be used: {reason}") from None


def acting_as(context: str) -> Headers:
    """Whom a context's user acts as; empty for itself.

    Raises:
        UnknownContextError: If there is no such context.
        KubeconfigError: If that cannot be said in headers.
    """
    try:
        return impersonation(_chosen(context)[1].values)
    except ValueError as error:
        raise KubeconfigError(f"the kubeconfig's context {context} cannot be used: {error}") from None


def _chosen(context: str) -> tuple[KubeconfigEntry, KubeconfigEntry]:
    """The cluster and the user of a context."""
    entries = _entries()
    chosen = entries["contexts"].get(context)
    if chosen is None:
        known = ", ".join(sorted(entries["contexts"])) or "none"
        raise UnknownContextError(
            f"no context {context} in the kubeconfig (contexts: {known}); is KUBECONFIG right?"
        )
    found = []
    for section, key in (("clusters", "cluster"), ("users", "user")):
        name = str(chosen.values.get(key, ""))
        if name not in entries[section]:
            raise KubeconfigError(
                f"the kubeconfig's context {context} names the {key} {name!r}, which is not there"
            )
        found.append(entries[section][name])
    return found[0], found[1]


def _entries() -> dict[str, dict[str, KubeconfigEntry]]:
    """All entries of all files; of two with one name the first counts, as for kubectl."""
    entries: dict[str, dict[str, KubeconfigEntry]] = {section: {} for section in SECTIONS}
    named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    for file in (Path(part).expanduser() for part in named.split(os.pathsep) if part):
        try:
            text = read_bounded(file).decode("utf-8")
            within_bounds(text, file.name, one_meaning=False)
            described = yaml.load(text, Loader=Loader) or {}  # noqa: S506  # a SafeLoader
        except FileNotFoundError:
            continue
        except (OSError, ValueError, ConfigError, yaml.YAMLError) as error:
            raise KubeconfigError(f"{file} cannot be read: {error}") from None
        for section in SECTIONS:
            try:
                for name, values in _named(described, section):
                    entries[section].setdefault(name, KubeconfigEntry(values, file.parent))
            except (AttributeError, KeyError, TypeError):
                reason = f"its {section} are no list of {{name: ..., {section[:-1]}: {{...}}}}"
                raise KubeconfigError(f"{file} is no kubeconfig: {reason}") from None
    return entries


def _named(described: Any, section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The entries of a section by name; whatever has another shape is an error."""
    for one in described.get(section) or ():
        yield str(one["name"]), dict((one.get(section[:-1]) or {}).items())


def _read(cluster: KubeconfigEntry, user: KubeconfigEntry) -> Access:
    server = str(cluster.values["server"]).rstrip("/")
    place = urlsplit(server)
    if place.scheme not in ("http", "https") or not place.hostname or place.port == 0:
        raise UnknownWayError("a server that is no URL")
    told = _credential(user, cluster) if "exec" in user.values else {}
    token = str(told.get("token") or user.values.get("token") or "")
    if not token and (file := user.path("tokenFile")):
        token = read_bounded(Path(file)).decode("utf-8").strip()
    if not re.fullmatch("[!-~]*", token):
        # Whoever sends it would say so with the token in the message.
        raise ValueError("its token holds a character that no header can")
    tls = tls_context(cluster, user, told) if server.startswith("https://") else None
    return Access(server, tls, token, impersonation(user.values))


def _credential(user: KubeconfigEntry, cluster: KubeconfigEntry) -> dict[str, Any]:
    """What the user's credential plugin tells (`aws eks get-token` on EKS)."""
    plugin = user.values["exec"]
    interactive = sys.stdin.isatty() and plugin.get("interactiveMode") != "Never"
    described = {key: cluster.values[key] for key in CLUSTER_KEYS - {"extensions"} if key in cluster.values}
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = described
    info = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
    variables = {one["name"]: one["value"] for one in plugin.get("env") or ()}
    command = str(plugin["command"])
    if "/" in command:
        command = str(user.folder / command)
    way = way_on(Path(command).name)
    slow = f"waiting for the credential plugin {command}, {EXEC_SECONDS} s at the most; {way}"
    try:
        with told_if_slow(slow):
            done = subprocess.run(  # noqa: S603  # no shell; the kubeconfig is the user's own
                [command, *(plugin.get("args") or ())],
                env={**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info)},
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=EXEC_SECONDS,
                check=False,
            )
    except FileNotFoundError:
        hint = f"; {plugin['installHint']}" if plugin.get("installHint") else ""
        raise KubeconfigError(f"the credential plugin {command} is not there{hint}") from None
    except subprocess.TimeoutExpired:
        why = f"the credential plugin {command} gave no answer in {EXEC_SECONDS} s"
        raise KubeconfigError(f"{why}; {way}") from None
    if done.returncode:
        raise KubeconfigError(f"the credential plugin {command} ended with exit code {done.returncode}")
    status: dict[str, Any] = json.loads(done.stdout).get("status") or {}
    return status


def way_on(plugin: str) -> str:
    """What to do while a credential plugin does not answer; never with its arguments, which may hold secrets."""
    login = "aws sso login" if plugin == "aws" else "log in as it asks"
    return f"does it wait for a login? {login}, then the same command again, or take another context"

"""What a shell needs to use a lab."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import plugin_choice, tools
from lab.parts import OTHER_ACCOUNTS, aws_environment

if TYPE_CHECKING:
    from lab.places import LabFolder


class NotRunningError(Exception):
    """There is no such lab, or it does not run."""


def told(folder: LabFolder) -> dict[str, Any]:
    """What the lab says of itself: clusters, region, the URLs of its APIs.

    Raises:
        NotRunningError: If it does not run.
    """
    try:
        known: dict[str, Any] = json.loads(folder.ready.read_text("utf-8"))
    except FileNotFoundError:
        raise NotRunningError(f"no lab runs in {folder.root}; start one: lab start") from None
    return known


def network(folder: LabFolder) -> tuple[int, str]:
    """The lab's own network: a process inside it, and the URL of the gateway from outside.

    Raises:
        NotRunningError: If the lab does not run, or the kernel gave it no network.
    """
    lab = told(folder)
    if lab["network"] is None:
        raise NotRunningError(f"this lab has no network of its own: {lab['noNetwork']}")
    return lab["network"], lab["gateway"]


def ask(folder: LabFolder, what: str, name: str = "") -> dict[str, Any]:
    """Asks the supervisor: `status`, `stop`, or `kill`, `start`, `restart` of a part.

    Raises:
        NotRunningError: If nothing answers.
    """
    try:
        with socket.socket(socket.AF_UNIX) as line, line.makefile("rwb") as stream:
            line.settimeout(30)
            line.connect(str(folder.control))
            stream.write(json.dumps({"do": what, "name": name}).encode() + b"\n")
            stream.flush()
            answer: dict[str, Any] = json.loads(stream.readline())
    except (OSError, ValueError):
        raise NotRunningError(f"no lab runs in {folder.root}; start one: lab start") from None
    return answer


def exports(folder: LabFolder) -> dict[str, str]:
    """The variables to export.

    Raises:
        NotRunningError: If the lab does not run.
    """
    lab = told(folder)
    pulumi = tools.pulumi_on_path()
    folders = [str(Path(pulumi).parent if pulumi else tools.folder(tools.PULUMI))]
    missing = [one.plugin for one in plugins(pulumi) if one.own is None]
    folders += [str(plugin_choice.stand_in_folder(folder.plugins, plugin)) for plugin in missing]
    return {
        "KUBECONFIG": str(folder.kubeconfig),
        **aws_environment(lab["aws"], lab["region"]),
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"))),
        **({"ECO2_PROMETHEUS_URL": lab["prometheus"]} if lab.get("prometheus") else {}),
        # Sidecar files with attributes are not written in one step: a kill leaves an empty one, and the state
        # cannot be read again (`failed to load checkpoint: EOF`).
        "PULUMI_BACKEND_URL": f"file://{folder.backend}?metadata=skip",
        # Nothing in a lab's state is secret.
        "PULUMI_CONFIG_PASSPHRASE": "",
        # Stand-ins are found on PATH alone.
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "false",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Compiled modules are kept, or every update would compile Pulumi's SDKs anew.
        "PYTHONDONTWRITEBYTECODE": "",
        # `eco2` lies beside the Python that runs this.
        "PATH": os.pathsep.join([*folders, str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def environment(folder: LabFolder) -> dict[str, str]:
    """The environment of a process that uses a lab: this one's, less what names another account.

    Raises:
        NotRunningError: If the lab does not run.
    """
    own = {name: value for name, value in os.environ.items() if name not in OTHER_ACCOUNTS}
    return {**own, **exports(folder)}


def plugins(pulumi: Path | None) -> tuple[plugin_choice.Choice, ...]:
    """What runs as each of Pulumi's plugins.

    Args:
        pulumi: The user's `pulumi` that is used; None where the lab's is.
    """
    found = shutil.which("pulumi")
    return plugin_choice.choices(pulumi, Path(found) if found and not pulumi else None)

"""Where the lab keeps things: tools in the user's cache, labs in the user's state folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ENDS_WITH = "LAB_ENDS_WITH"
"""The variable that names the process with which a lab ends; without it, a lab ends by `lab stop` alone."""


def cache() -> Path:
    """The folder of built tools (`XDG_CACHE_HOME`)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eco2-lab"


def labs() -> Path:
    """The folder of labs (`LAB_HOME`, or one in `XDG_STATE_HOME`)."""
    if home := os.environ.get("LAB_HOME"):
        return Path(home)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "eco2-lab"


@dataclass(frozen=True)
class LabFolder:
    """The files of one lab.

    Attributes:
        root: The folder that holds them all.
    """

    root: Path

    @classmethod
    def of(cls, name: str) -> LabFolder:
        """The folder of the lab of this name."""
        return cls(labs() / name)

    @property
    def kubeconfig(self) -> Path:
        """One context for each cluster name, and no current one."""
        return self.root / "kubeconfig"

    @property
    def kubectl_config(self) -> Path:
        """The same with a current context, for `kubectl` typed by a person, and for nothing of the product."""
        return self.root / "kubectl.kubeconfig"

    @property
    def ready(self) -> Path:
        """Ports and clusters as JSON; exists while the lab is usable."""
        return self.root / "lab.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.root / "lock"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor says; also marks a folder as a lab's."""
        return self.root / "supervisor.log"

    @property
    def supervisor_pid(self) -> Path:
        """The supervisor's process id."""
        return self.root / "supervisor.pid"

    @property
    def control(self) -> Path:
        """The supervisor's socket."""
        return self.root / "control"

    @property
    def logs(self) -> Path:
        """One file for each part."""
        return self.root / "logs"

    def socket(self, name: str) -> Path:
        """A part's unix socket."""
        return self.root / f"{name}.sock"

    @property
    def backend(self) -> Path:
        """Pulumi's state."""
        return self.root / "pulumi"

    @property
    def plugins(self) -> Path:
        """The stand-ins, each in a folder of its own for PATH."""
        return self.root / "plugins"

"""What an abort is asked for."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AbortRequest:
    """What to take back.

    Attributes:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        services: The services; empty for all.
        reconcile: Whether the second stroke follows.
        context: The kubeconfig's context, where the user named it; else the stack's file names it.
        namespace: The services' namespace, where the user named it; else `services.yaml` names it.
        message: What the history of the stack says of the update; empty for what Pulumi writes there.
        quiet: Whether standard output is kept free.
    """

    project: Path
    stack: str
    services: tuple[str, ...]
    reconcile: bool = True
    context: str = ""
    namespace: str = ""
    message: str = ""
    quiet: bool = False

    @property
    def file(self) -> Path:
        """The stack's file."""
        return self.project / f"Pulumi.{self.stack}.yaml"

    @property
    def update_options(self) -> tuple[str, ...]:
        """What `pulumi up` is told beside its targets."""
        return ("--skip-preview", *(("--message", self.message) if self.message else ()))

    @property
    def command(self) -> str:
        """The command that does the same again."""
        given = {"--context": self.context, "--namespace": self.namespace}
        if self.project != Path.cwd():
            given["--project"] = str(self.project)
        options = "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)
        return f"eco2 abort {' '.join(self.services) or '--all'} --stack {self.stack}{options}"

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
        return self.again()

    def again(self, *more: str) -> str:
        """The same with more options; in backticks, which keep it in one piece, where a message stands in it."""
        given = {"--context": self.context, "--namespace": self.namespace}
        if self.project != Path.cwd():
            given["--project"] = str(self.project)
        options = "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)
        names = " ".join(self.services) or "--all"
        told = " ".join(
            [f"eco2 abort {names} --stack {self.stack}{options}{message_options(self.message)}", *more]
        )
        return f"`{told}`" if self.message else told


def message_options(message: str) -> str:
    """A message as options of `eco2 abort`, one for each of its lines, so that the command is one line in any log."""
    lines = message.replace("`", "'").splitlines()
    return "".join(f" --message {shlex.quote(line)}" for line in lines)

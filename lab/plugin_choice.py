"""Which of Pulumi's plugins are the user's own, and which the lab stands in for.

It goes by the engine's own search: PATH first, whatever the version; then, for the language host, beside the
`pulumi` in use; then the plugins in Pulumi's home, of which only the version that the SDK asks for counts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

MODULES = {
    "resource-kubernetes": "lab.plugins.kubernetes",
    "resource-aws": "lab.plugins.aws",
    "language-python": "lab.language_host",
}
"""The plugins that a program here needs, with what stands in for them."""

SDKS = {"resource-kubernetes": "pulumi-kubernetes", "resource-aws": "pulumi-aws"}
"""The packages that ask for a plugin of their own version."""

MARK = " -m lab."
"""What a stand-in's script has, and no plugin: a shell inside a lab has stand-ins on its PATH."""


@dataclass(frozen=True)
class Choice:
    """What runs as one plugin.

    Attributes:
        plugin: `resource-aws`.
        own: The user's own; None where the lab stands in.
        because: Why the lab stands in, or where the user's own comes from.
    """

    plugin: str
    own: Path | None
    because: str

    def __str__(self) -> str:
        """A line of `lab status`."""
        return f"{f'pulumi-{self.plugin}':28}{'own' if self.own else 'stand-in'}: {self.because}"


def choices(pulumi: Path | None, refused: Path | None = None) -> tuple[Choice, ...]:
    """Chooses plugin by plugin.

    Args:
        pulumi: The user's `pulumi` that is used; None where the lab's is.
        refused: The user's `pulumi` that is too old; the language host beside it came with it.
    """
    return tuple(_choice(plugin, pulumi, refused) for plugin in MODULES)


def stand_in_folder(plugins: Path, plugin: str) -> Path:
    """The folder for PATH with the stand-in for one plugin alone, in a lab's folder of plugins."""
    return plugins / plugin


def write_stand_ins(plugins: Path, python: str) -> None:
    """Writes a script for every plugin, into a folder of its own, so that each can be on PATH or not."""
    for plugin, module in MODULES.items():
        script = stand_in_folder(plugins, plugin) / f"pulumi-{plugin}"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f'#!/bin/sh\nexec "{python}" -m {module} "$@"\n', "utf-8")
        script.chmod(0o755)


def _choice(plugin: str, pulumi: Path | None, refused: Path | None) -> Choice:
    name = f"pulumi-{plugin}"
    beside = [pulumi.resolve().parent] if pulumi and plugin == "language-python" else []
    for folder in [*map(Path, os.environ.get("PATH", "").split(os.pathsep)), *beside]:
        if _runs(folder / name) and not (refused and folder == refused.parent):
            return Choice(plugin, folder / name, str(folder / name))
    wanted = metadata.version(SDKS[plugin]) if plugin in SDKS else None
    others = []
    for folder in sorted((_home() / "plugins").glob(f"{plugin}-v*")):
        version = folder.name.removeprefix(f"{plugin}-v")
        # A download that is under way, or was cut off.
        if not _runs(folder / name) or folder.with_name(f"{folder.name}.partial").exists():
            continue
        if wanted in (None, version):
            return Choice(plugin, folder / name, str(folder / name))
        others.append(version)
    if others:
        return Choice(
            plugin, None, f"Pulumi's home has {', '.join(others)}, and {SDKS[plugin]} asks for {wanted}"
        )
    return Choice(plugin, None, "none on PATH or in Pulumi's home")


def _home() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def _runs(path: Path) -> bool:
    """Whether a path is a program, and no stand-in of a lab."""
    if not (path.is_file() and os.access(path, os.X_OK)):
        return False
    with path.open("rb") as script:
        return MARK.encode() not in script.read(1000)

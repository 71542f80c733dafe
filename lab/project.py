"""Running a Pulumi project without touching its files.

Creating a stack writes a salt into the stack's file; a copy takes it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from lab.places import LabFolder


class ProjectError(Exception):
    """The folder holds no project that can be run; the message says why."""


def work_folder(lab: LabFolder, project: str, stack: str) -> Path:
    """Makes, or renews, a folder that stands for the project.

    Args:
        lab: Whose folder holds it.
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.

    Returns:
        A folder with a `Pulumi.yaml` whose program is the project's own, and a copy of the stack's file.

    Raises:
        ProjectError: If a file is missing, or is none.
    """
    source = Path(project).resolve()
    for name in ("Pulumi.yaml", f"Pulumi.{stack}.yaml"):
        if not (source / name).is_file():
            raise ProjectError(f"{source} has no {name}")
    try:
        described = yaml.safe_load((source / "Pulumi.yaml").read_text("utf-8"))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ProjectError(f"{source / 'Pulumi.yaml'} cannot be read: {error}") from None
    if not isinstance(described, dict):
        raise ProjectError(f"{source / 'Pulumi.yaml'} holds no project")
    place = lab.root / "projects" / stack
    place.mkdir(parents=True, exist_ok=True)
    described["main"] = str(source)
    options = (
        described.get("runtime", {}).get("options", {}) if isinstance(described.get("runtime"), dict) else {}
    )
    if "virtualenv" in options:
        options["virtualenv"] = str(source / options["virtualenv"])
    (place / "Pulumi.yaml").write_text(yaml.safe_dump(described, sort_keys=False), "utf-8")
    copy = place / f"Pulumi.{stack}.yaml"
    salt = [line for line in _lines(copy) if line.startswith("encryptionsalt:")]
    shutil.copyfile(source / copy.name, copy)
    if salt and not any(line.startswith("encryptionsalt:") for line in _lines(copy)):
        with copy.open("a", encoding="utf-8") as text:
            text.write("\n" + "\n".join(salt) + "\n")
    return place


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []

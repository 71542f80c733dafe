"""What a stack would apply, as plain files."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from eco2.stack.dry_run import capture, stack_config

if TYPE_CHECKING:
    from eco2.stack.dry_run import Registration

MARK = ".eco2-render"
"""Marks a folder as made by this command, so that the next run may replace it."""


class OccupiedError(Exception):
    """The folder holds something that this command did not write."""


def render(project: Path, stack: str, out: Path) -> Counter[str]:
    """Writes every object of a stack into a file of its own.

    Kubernetes objects go to `kubernetes/NAMESPACE/KIND-NAME.yaml`, resources of AWS as the inputs that the
    program gives them to `aws/TYPE-NAME.json`. Keys are sorted, so that two folders can be compared.
    The folder appears whole or not at all.

    Args:
        project: The folder with `Pulumi.yaml` and `__main__.py`.
        stack: The stack's name.
        out: The folder to write; one of an earlier run is replaced.

    Returns:
        How many objects there are of each kind.

    Raises:
        ConfigError: If a file cannot be used.
        pulumi.RunError: If the program refuses the config.
        OccupiedError: If `out` holds other things.
        OSError: If the files cannot be written.
    """
    out = out.resolve()  # a symbolic link stays one
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).exists())):
        raise OccupiedError(f"{out} holds other things; name an empty or a new folder")
    files = dict(filter(None, map(_file, capture(project, stack, stack_config(project, stack)).resources)))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".eco2-{out.name}-", dir=out.parent) as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        (fresh / MARK).write_text(f"{stack}\n", "utf-8")
        for name, (_, text) in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        if out.exists():
            shutil.move(out, Path(scratch) / "before")
        fresh.rename(out)
    return Counter(sorted(kind for kind, _ in files.values()))


def _file(resource: Registration) -> tuple[str, tuple[str, str]] | None:
    """The file's name, and kind and text of the object; None for what is no object."""
    package, _, kind = resource.type.split(":", 2)
    if package == "kubernetes":
        text = _yaml(resource.inputs)
        place = resource.inputs["metadata"].get("namespace", "cluster")
        kind = resource.inputs["kind"]
        return f"kubernetes/{place}/{kind}-{resource.inputs['metadata']['name']}.yaml".lower(), (kind, text)
    if package == "aws":
        text = json.dumps(resource.inputs, indent=2, sort_keys=True) + "\n"
        return f"aws/{kind}-{resource.name}.json".lower(), (f"aws {kind}", text)
    return None


class _BlockText(yaml.SafeDumper):
    """Lists indented under their key, as kubectl prints them; no aliases."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _yaml(manifest: dict[str, Any]) -> str:
    return yaml.dump(manifest, Dumper=_BlockText, sort_keys=True, width=120, allow_unicode=True)

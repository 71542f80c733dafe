"""A project whose stack prod judges chat-api in another way than `services.yaml` says."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from observability.files import OBJECT_NAME, RULES_NAME, STACKS
from tests.conftest import PROGRAM, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OWN_RULES, OWN_OBJECT = f"{STACKS}/prod/{RULES_NAME}", f"{STACKS}/prod/{OBJECT_NAME}"


def judged_otherwise(folder: Path, judge: Mapping[str, Any], service: str = "chat-api") -> Path:
    """The project.

    Args:
        folder: Where it is to be.
        judge: What prod's file says of the judge of one service.
        service: That service.
    """
    for name in PROGRAM:
        shutil.copy(ROOT / name, folder)
    file = folder / "Pulumi.prod.yaml"
    written = yaml.safe_load(file.read_text("utf-8"))
    written["config"]["eco2:services"].setdefault(service, {})["judge"] = dict(judge)
    file.write_text(yaml.safe_dump(written), "utf-8")
    return folder

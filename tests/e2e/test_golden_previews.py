"""The preview of every step of a rollout, kept as files that a reviewer can read.

`UPDATE_GOLDEN=1` writes them anew.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab
SERVICES = ("auth-api",)
GOLDEN = Path(__file__).with_name("golden")
CANARY = "auth-api-0.8.0"
STEPS = {
    "0-to-1": {"eco2:rollouts.auth-api.phase": "1", "eco2:rollouts.auth-api.canary.tag": CANARY},
    "1-to-2": {"eco2:rollouts.auth-api.phase": "2"},
    "2-to-3": {"eco2:rollouts.auth-api.phase": "3"},
    "3-to-4": {"eco2:rollouts.auth-api.phase": "4"},
    "4-to-5": {"eco2:rollouts.auth-api.phase": "5"},
    "promotion": {"eco2:rollouts.auth-api.phase": "0", "eco2:services.auth-api.image.tag": CANARY},
    "0-to-1-again": {
        "eco2:rollouts.auth-api.phase": "1",
        "eco2:rollouts.auth-api.canary.tag": "auth-api-0.9.0",
    },
    "back-to-0": {"eco2:rollouts.auth-api.phase": "0"},
}
"""What a person changes, step by step, by `pulumi config set --path`."""


def preview(stack):
    """Operation, kind, name and the properties that differ, a line each."""
    return "".join(
        f"{line}\n" for step, paths in stack.steps() for line in (step, *(f"  {one}" for one in paths))
    )


def test_every_step_of_a_rollout_previews_as_its_golden_file_says(stack):
    wrong = []
    for step, changes in STEPS.items():
        for path, value in changes.items():
            stack.pulumi("config", "set", "--path", path, value)
        told, file = preview(stack), GOLDEN / f"{step.removesuffix('-again')}.txt"
        if os.environ.get("UPDATE_GOLDEN"):
            file.write_text(told)
        wrong += difflib.unified_diff(file.read_text().splitlines(), told.splitlines(), f"{step}.txt", "now")
        stack.up()
    assert not wrong, "\n".join(wrong)

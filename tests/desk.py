"""A project to type commands in, with a Pulumi that only notes down what it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from eco2.cli import app
from eco2.stack.config import stack_config
from rollout.plan.service_plan import plan
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PULUMI = """#!/bin/sh
case "$*" in
  "stack export "*) cat "{folder}/state.json"; exit "$(cat {folder}/answers)";;
  "refresh "*what-no-resource*) exit "$(cat {folder}/answers)";;
  "stack history "*) if [ -e {folder}/history ]; then cat {folder}/history; else echo "[]"; fi; exit 0;;
  "up "*)
    if [ -e {folder}/slow ]; then
      trap 'sleep 1; echo >> {folder}/ended; exit 3' INT
      echo updating; sleep 20 & wait
    fi
    echo "$*" >> "{folder}/updates"; cp Pulumi.dev.yaml "{folder}/seen"; exit "$(cat {folder}/code)";;
esac
exit 9
"""
IMAGE = "docker.io/mng990/eco2:"


@dataclass
class Desk:
    """A project, and a shell to use it in."""

    folder: Path

    @property
    def file(self):
        return self.folder / "Pulumi.dev.yaml"

    @property
    def updates(self):
        log = self.folder / "updates"
        return log.read_text().splitlines() if log.exists() else []

    def left(self, **services):
        """What the last update left: phase, weight and images by service, the others at phase 0."""
        catalog = read_catalog(ROOT / "services.yaml")
        settings = read_settings("Pulumi.dev.yaml", stack_config(ROOT, "dev"), catalog)
        wanted = resolve(catalog, settings.model_copy(update={"rollouts": {}}))
        for name, (phase, weight, canary) in services.items():
            one = wanted[name.replace("_", "-")]
            at = one.rollout.model_copy(update={"phase": phase, "weight": weight})
            wanted[one.name] = replace(one, rollout=at, canary=Image.parse(f"{IMAGE}{canary}"))
        entries = {name: plan(one, None).output() for name, one in wanted.items()}
        root = {"type": "pulumi:pulumi:Stack", "urn": "root", "outputs": {"rollouts": entries}}
        (self.folder / "state.json").write_text(json.dumps({"deployment": {"resources": [root]}}))

    def says(self, **rollouts):
        """The stack's file, in the shape that ships."""
        text = self.file.read_text()
        shown = "".join(
            f"\n    {name.replace('_', '-')}: {entry}  # kept" for name, entry in rollouts.items()
        )
        self.file.write_text(text.replace("eco2:rollouts: {}", f"eco2:rollouts:{shown}"))
        return self.file.read_text()

    def run(self, *arguments):
        return CliRunner().invoke(app, [*arguments, "--stack", "dev", "--project", str(self.folder)])

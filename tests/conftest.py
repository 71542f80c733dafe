"""What the tests share: a lab of their own, and projects to run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.api import Api, connection
from lab.places import LabFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
CLUSTERS = ("eco2-local", "eco2-dev", "eco2-prod")
PROGRAM = (
    "__main__.py",
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "Pulumi.prod.yaml",
    "Pulumi.local.yaml",
    "services.yaml",
)


@dataclass(frozen=True)
class Lab:
    """A running lab."""

    home: Path
    name: str = "default"

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the command `lab`."""
        environment = {**os.environ, "LAB_HOME": str(self.home), "LAB_NAME": self.name}
        done = subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    @cached_property
    def variables(self) -> dict[str, str]:
        """What a shell exports to use it."""
        return json.loads(self.command("env", "--json").stdout)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a shell that uses it."""
        return {**os.environ, **self.variables}

    @cached_property
    def api(self) -> Api:
        """The API server, through the kubeconfig that users get."""
        return Api(connection(LabFolder(self.home / self.name).kubeconfig, CLUSTERS[0]))

    def items(self, path: str) -> dict[str, dict[str, Any]]:
        """The objects of a list, by namespace/name."""
        found = self.api.request("GET", path)["items"]
        return {f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']}": one for one in found}


@dataclass
class Stack:
    """A stack of a copy of the project, in a lab."""

    lab: Lab
    folder: Path
    name: str

    @property
    def file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the CLI; its whole output is in `stdout`."""
        done = subprocess.run(
            ["pulumi", *arguments, "--stack", self.name, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.lab.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout[-4000:]
        return done

    def up(self, *, check: bool = True) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", check=check).stdout

    def changes(self) -> list[str]:
        """The steps of a preview that change something, sorted: operation, kind, name."""
        text = self.pulumi("preview", "--json").stdout
        document = json.loads(text[text.index("{\n") :])
        return sorted(
            f"{step['op']} {step['urn'].split('::')[2].split('$')[-1].split(':')[-1]} {step['urn'].split('::')[-1]}"
            for step in document["steps"]
            if step["op"] != "same"
        )

    def set(self, path: str, value: str) -> None:
        self.pulumi("config", "set", "--path", path, value)

    def change(self, **keys: Any) -> None:
        """Sets keys under `eco2:`."""
        document = yaml.safe_load(self.file.read_text())
        document["config"].update({f"eco2:{key}": value for key, value in keys.items()})
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))


def copy_project(folder: Path) -> Path:
    """A copy of what the program reads; the packages themselves are those under test."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PROGRAM:
        shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A fresh lab for the tests of one file."""
    running = Lab(tmp_path_factory.mktemp("lab"))
    running.command("start", *(f"--cluster={name}" for name in CLUSTERS))
    yield running
    running.command("stop")


def new_stack(lab: Lab, folder: Path, name: str) -> Stack:
    """A stack that has never been updated."""
    stack = Stack(lab, copy_project(folder), name)
    text = "\n".join(
        line for line in stack.file.read_text().splitlines() if not line.startswith("encryptionsalt")
    )
    stack.file.write_text(text + "\n")
    stack.pulumi("stack", "init")
    return stack

"""What the tests share: a lab of their own, and projects to run in it."""

from __future__ import annotations

import json
import os
import re
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
from lab.places import ENDS_WITH, LabFolder

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
    cluster: str = CLUSTERS[0]

    @property
    def own_environment(self) -> dict[str, str]:
        """The environment in which the command `lab` means this one."""
        own = {"LAB_HOME": str(self.home), "LAB_NAME": self.name, ENDS_WITH: str(os.getpid())}
        return {**os.environ, **own}

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the command `lab`."""
        done = subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            capture_output=True,
            text=True,
            env=self.own_environment,
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
        return Api(connection(LabFolder(self.home / self.name).kubeconfig, self.cluster))

    def items(self, path: str) -> dict[str, dict[str, Any]]:
        """The objects of a list, by namespace/name."""
        found = self.api.request("GET", path)["items"]
        return {f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']}": one for one in found}

    def versions(self, path: str) -> dict[str, str]:
        """The resource versions of a list's objects, by namespace/name: equal if nothing was written."""
        return {name: one["metadata"]["resourceVersion"] for name, one in self.items(path).items()}


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
        # What went wrong may stand far above the outputs.
        errors = "\n".join(line for line in done.stdout.splitlines() if "error" in line)
        assert not check or done.returncode == 0, f"{errors[:4000]}\n...\n{done.stdout[-4000:]}"
        return done

    def up(self, *, check: bool = True) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", check=check).stdout

    def json(self, *arguments: str) -> Any:
        """What the CLI answers as JSON, after its warnings."""
        text = self.pulumi(*arguments, "--json").stdout
        return json.loads(text[text.index("{\n") :])

    def steps(self) -> list[tuple[str, list[str]]]:
        """The steps of a preview that change something, sorted: operation, kind and name; properties of updates."""
        found = []
        for step in self.json("preview")["steps"]:
            if step["op"] != "same":
                _, _, types, name = step["urn"].split("::")
                properties = sorted(step.get("detailedDiff") or {}) if step["op"] == "update" else []
                found.append((f"{step['op']} {types.rsplit(':', 1)[1]} {name}", properties))
        return sorted(found)

    def changes(self) -> list[str]:
        """The steps of a preview that change something, sorted: operation, kind, name."""
        return [step for step, _ in self.steps()]

    def outputs(self) -> Any:
        """The stack's outputs."""
        return self.json("stack", "output")

    def eco2(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs the command `eco2` on the stack; `variables` are set beside the lab's own."""
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "eco2",
                *arguments,
                f"--stack={self.name}",
                f"--project={self.folder}",
            ],
            env={**self.lab.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def advance(self, service: str, phase: int) -> str:
        """Sets a service's phase and updates; the CLI's output."""
        self.set(f"eco2:rollouts.{service}.phase", str(phase))
        return self.up()

    def climb(self, service: str, phase: int) -> None:
        """Takes a service from phase 0 to another, step by step."""
        for step in range(1, phase + 1):
            self.advance(service, step)

    def jump(self, phase: int, service: str) -> None:
        """Takes a service to a phase in one update, which rule 13 refuses where nobody says why."""
        self.change(overrule={service: "the test begins here"})
        self.advance(service, phase)
        self.change(overrule={})

    def ask_for_promotion(self, service: str, tag: str, seconds: int) -> None:
        """Takes a canary to 100 %, and asks for its promotion, for which stable's new pods never get ready.

        The canary's image works until it is stable's: as where a secret is missing for one of the two.
        """
        self.set(f"eco2:rollouts.{service}.canary.tag", tag)
        self.jump(5, service)
        self.change(readyTimeoutSeconds=seconds)
        self.set(f"eco2:services.{service}.image.tag", tag)
        self.set(f"eco2:rollouts.{service}.phase", "0")
        self.lab.command("behave", tag, "--unready", "--only-new")

    def set(self, path: str, value: str) -> None:
        """Sets a key as `pulumi config set --path` does, without the second that the CLI takes."""
        document = yaml.safe_load(self.file.read_text())
        key, *rest = re.findall(r"[^.\[\]]+", path)
        within, last = document["config"], key
        for part in rest:
            if not isinstance(within, list):
                within.setdefault(last, [] if part.isdigit() else {})
            within, last = within[last], int(part) if part.isdigit() else part
        if isinstance(within, list) and last == len(within):
            within.append(None)
        # Below a key numbers and truth values are what they look like; the value of a whole key is text.
        within[last] = yaml.safe_load(value) if rest and re.fullmatch(r"\d+|true|false", value) else value
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

    def keep(self, *services: str) -> None:
        """Leaves all other services out of the catalog, and their nodes out of the stack."""
        catalog = self.folder / "services.yaml"
        described = yaml.safe_load(catalog.read_text())
        described["services"] = {name: described["services"][name] for name in services}
        catalog.write_text(yaml.safe_dump(described, sort_keys=False))
        document = yaml.safe_load(self.file.read_text())
        kept = {
            "eco2:services": services,
            "eco2:nodeGroups": {one["domain"] for one in described["services"].values()},
        }
        for key, names in kept.items():
            own = document["config"][key]
            document["config"][key] = {name: own[name] for name in own if name in names}
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

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

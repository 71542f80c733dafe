"""Scripts of the workflows, run for real, beside a `gh` that writes down what it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.conftest import ROOT, copy_project

SCRIPTS = ROOT / ".github/scripts"

GH = """#!{python}
import json, os, sys
from pathlib import Path
place = Path(os.environ["FAKE"])
arguments = sys.argv[1:]
bodies = [Path(word[6:]).read_text() for word in arguments if word.startswith("body=@")]
with (place / "calls").open("a") as calls:
    calls.write(json.dumps({{"arguments": arguments, "body": bodies[0] if bodies else None}}) + "\\n")
answers = json.loads((place / "answers").read_text())
for words, answer, *code in answers:
    if all(word in " ".join(arguments) for word in words):
        print(answer, end="")
        sys.exit(*code)
"""


class Runner:
    """Runs a script beside a `gh` that answers what a test says, and writes down what it is asked.

    An answer is the words of the question, what `gh` prints, and its exit code if that is not 0.
    """

    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        gh = folder / "bin/gh"
        gh.write_text(GH.format(python=sys.executable))
        gh.chmod(0o755)
        self.answers = []
        self.outputs = folder / "outputs"
        self.outputs.touch()

    def run(self, script, *arguments, cwd=None, **variables):
        return self._do([str(SCRIPTS / script), *arguments], cwd, variables)

    def step(self, text, cwd, **variables):
        """Runs the lines of a workflow's step as GitHub does."""
        return self._do(["bash", "-e", "-c", text], cwd, variables)

    def _do(self, command, cwd, variables):
        (self.folder / "answers").write_text(json.dumps(self.answers))
        own = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "FAKE": str(self.folder),
            "GITHUB_REPOSITORY": "eco2/delivery",
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
        }
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env={**own, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self):
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def git(folder, *arguments):
    command = ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.test", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def new_clone(runner):
    """A clone of a repository that holds the project, as actions/checkout leaves it."""
    source = copy_project(runner.folder / "source")
    git(source, "init", "--quiet", "--initial-branch=main")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message", "Begin")
    git(runner.folder, "clone", "--quiet", "--bare", "source", "origin.git")
    git(runner.folder, "clone", "--quiet", "origin.git", "clone")
    folder = runner.folder / "clone"
    tool = folder / ".venv/bin/eco2"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m eco2 "$@"\n')
    tool.chmod(0o755)
    return folder

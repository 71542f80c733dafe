"""The linter of GitHub's workflows, on ours: types, contexts, and the shell lines through shellcheck."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from lab import tools
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

NEWER_THAN_THE_LINTER = r'unexpected key "queue" for "concurrency" section'
"""GitHub took `queue: max` up in May 2026; actionlint 1.7.12 is older."""

SHELLCHECK = ROOT / ".venv/bin/shellcheck"


@pytest.fixture(scope="module")
def actionlint():
    tools.make(tools.ACTIONLINT)
    return tools.program(tools.ACTIONLINT)


def lint(actionlint: Path, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [str(actionlint), "-shellcheck", str(SHELLCHECK), "-no-color", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_workflows_have_no_fault(actionlint):
    done = lint(actionlint, "-ignore", NEWER_THAN_THE_LINTER)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_else_is_let_through(actionlint):
    """The linter sees the files, and the one thing it is told to ignore is all that it has against them."""
    told = [line for line in lint(actionlint, "-oneline").stdout.splitlines() if line]
    assert len(told) == 3
    assert all('unexpected key "queue"' in line for line in told)


def test_the_linter_and_its_shellcheck_do_find_faults(actionlint, tmp_path):
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    text = (ROOT / ".github/workflows/comment.yml").read_text()
    spoilt = text.replace("runs-on: ubuntu-latest", "run-on: ubuntu-latest").replace(
        '"code=$code"', "code=$kode"
    )
    (tmp_path / ".github/workflows/comment.yml").write_text(spoilt)
    told = lint(actionlint, cwd=tmp_path).stdout
    assert "run-on" in told
    assert "SC2154" in told or "SC2086" in told


def test_the_scripts_have_no_fault():
    scripts = sorted((ROOT / ".github/scripts").glob("*.sh"))
    assert len(scripts) == 13
    done = subprocess.run(
        [SHELLCHECK, *scripts],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout

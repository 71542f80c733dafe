"""The command `lab`: what it shows and leaves behind, and the context that `kubectl` gets there; without a lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lab import parts
from lab.places import LabFolder
from lab.terminal import HIDDEN, say, visible
from tests.conftest import ROOT

FORGED = "\x1b[2K\x1b[1A\u2714 ready"


@pytest.fixture
def lab(tmp_path):
    """Runs the command on a folder that looks like a running lab's."""
    folder = LabFolder(tmp_path / "default")

    def run(*arguments, **variables):
        own = {"LAB_HOME": str(tmp_path), "LAB_NAME": "default", **variables}
        return subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            capture_output=True,
            text=True,
            env=os.environ | own,
            check=False,
        )

    run.folder = folder
    return run


@pytest.fixture
def running(lab):
    lab.folder.logs.mkdir(parents=True)
    lab.folder.ready.write_text(json.dumps({"aws": "http://127.0.0.1:1", "region": "r"}))
    return lab


@given(st.text(st.characters(), max_size=40))
def test_nothing_hidden_is_left(text):
    assert not any(unicodedata.category(sign) in HIDDEN for sign in visible(text) if sign not in "\t\n")


def test_the_name_of_an_image_is_shown_in_letters(capsys):
    say(f"error: did you mean {FORGED}?")
    assert capsys.readouterr().err == "error: did you mean \\x1b[2K\\x1b[1A\u2714 ready?\n"


def test_a_log_is_shown_in_letters(running):
    (running.folder.logs / "keda.log").write_text(f"one\n{FORGED}\n")
    assert running("logs", "keda").stdout == "one\n\\x1b[2K\\x1b[1A\u2714 ready\n"


def test_a_terminal_without_a_sign_shows_a_question_mark(running):
    (running.folder.logs / "keda.log").write_text("k\u00e4se \u2588\n")
    done = running("logs", "keda", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (0, "k?se ?\n")


def test_a_project_without_a_lab_leaves_nothing_that_keeps_a_lab_from_starting(lab):
    done = lab("project", str(ROOT), "dev", "--", "preview")
    assert done.returncode == 3
    assert not lab.folder.root.exists()


@pytest.mark.parametrize(
    ("held", "reason"),
    [(None, "has no Pulumi.yaml"), ("- a\n", "holds no project"), ("a: [\n", "cannot be read")],
)
def test_a_folder_that_holds_no_project_is_refused_in_words(running, tmp_path, held, reason):
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.dev.yaml").write_text("config: {}\n")
    if held:
        (project / "Pulumi.yaml").write_text(held)
    done = running("project", str(project), "dev")
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_kubectl_has_a_current_context_and_nothing_else_has(running, tmp_path):
    """The product names its context: were there another one, a test would not see that it does not."""
    for name in ("kubectl", "other"):
        (tmp_path / name).write_text('#!/bin/sh\necho "$KUBECONFIG"\n')
        (tmp_path / name).chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    parts.write_kubeconfig(parts.Plan(running.folder, ("eco2-dev", "eco2-prod"), "r"))
    found = {
        name: yaml.safe_load(Path(running("run", "--", name, **path).stdout.strip()).read_text())
        for name in ("kubectl", "other")
    }
    assert {name: one["current-context"] for name, one in found.items()} == {
        "kubectl": "eco2-dev",
        "other": "",
    }
    assert found["kubectl"] | {"current-context": ""} == found["other"]

"""A stack's file on disks that are full, behind links, and of stacks that are named in full."""

from __future__ import annotations

import errno
import os
import subprocess

import pytest
from typer.testing import CliRunner

from eco2.cli import app
from eco2.stack import file as stack_yaml
from eco2.stack.file import write_text
from tests.conftest import ROOT


def test_a_symbolic_link_stays_one_and_what_it_leads_to_is_written(desk):
    (desk.folder / "conf").mkdir()
    target = desk.file.rename(desk.folder / "conf" / desk.file.name)
    desk.file.symlink_to(target)
    assert desk.run("set-image", "auth-api", "auth-api-1", "--phase", "1", "--no-up", "--yes").exit_code == 0
    assert desk.file.is_symlink()
    assert "auth-api-1" in target.read_text()
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_full_disk_leaves_the_file_and_is_told_in_words(desk, monkeypatch):
    before = desk.file.read_text()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stack_yaml.os, "fsync", full)
    done = desk.run("advance", "auth-api", "--no-up", "--yes")
    assert done.exit_code == 1
    assert "Pulumi.dev.yaml cannot be written (No space left on device); it is as it was" in done.output
    assert desk.file.read_text() == before
    assert not list(desk.folder.glob(".eco2-*"))


def test_git_ignores_what_a_kill_leaves(tmp_path, monkeypatch):
    left = []
    monkeypatch.setattr(stack_yaml.os, "fsync", lambda _: left.extend(tmp_path.glob(".*")))
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("a: 1\n")
    write_text(file, "a: 2\n")
    (scratch,) = left
    command = ["git", "-C", str(ROOT), "check-ignore", "--no-index", "-q", scratch.name]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ("plan",),
        ("status",),
        ("doctor",),
        ("history",),
        ("recover",),
        ("render", "--out", "x"),
        ("abort", "auth-api"),
        ("adopt", "auth-api"),
        ("advance", "auth-api"),
        ("promote", "auth-api"),
        ("set-image", "auth-api", "x"),
    ],
)
@pytest.mark.parametrize("stack", ["organization/eco2/dev", "../dev", "", "dev\n"])
def test_every_command_refuses_a_name_that_is_not_a_stacks_own(desk, command, stack):
    done = CliRunner().invoke(app, [*command, "--stack", stack])
    assert done.exit_code == 2
    assert "no stack's own name" in " ".join(done.output.replace("│", " ").split())
    assert desk.updates == []

"""A state out of order: said, put in order, and the command goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from eco2.stack.cli import BrokenOrderError, LockedError, PulumiError
from eco2.stack.order import in_order
from eco2.stack.recover import recover
from eco2.update.run import update
from tests.conftest import copy_project

REPORT = (
    "error: The Pulumi CLI encountered a snapshot integrity error. This is a bug!\n"
    "We would appreciate a report: https://github.com/pulumi/pulumi/issues/\n"
    "Error:   snapshot integrity failure; refusing to use it: resource urn:pulumi:dev::eco2::"
    "eco2:service:CanaryService$kubernetes:autoscaling/v2:HorizontalPodAutoscaler::scan-api's dependency "
    "urn:pulumi:dev::eco2::eco2:service:CanaryService$kubernetes:apps/v1:Deployment::scan-api comes after it\n"
)
SAID = (
    "the state is out of order (HorizontalPodAutoscaler scan-api comes before its dependency Deployment scan-api), "
    "as an update with --target by hand may leave it; `pulumi state repair` puts it in order and changes nothing in "
    "the cluster: done now"
)
CLI = f"""#!{sys.executable}
import pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as asked:
    print(*sys.argv[1:3], file=asked)
if sys.argv[1:3] == ["stack", "export"]:
    print('{{"deployment": {{"resources": []}}}}')
elif sys.argv[1:3] == ["state", "repair"]:
    (here / "lock").exists() and sys.exit((here / "lock").read_text())
    (here / "broken").unlink()
elif sys.argv[1] == "cancel":
    (here / "lock").unlink()
elif (here / "broken").exists():
    sys.exit((here / "broken").read_text())
elif sys.argv[1] == "up":
    print("updated")
"""


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """A CLI whose stack is out of order until it is repaired."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pulumi").write_text(CLI)
    (folder / "pulumi").chmod(0o755)
    (folder / "broken").write_text(REPORT)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def asked(cli):
    return (cli / "asked").read_text().splitlines()


def test_an_update_says_so_puts_it_in_order_and_goes_on(cli, tmp_path, capfd):
    assert update(tmp_path, "dev") is False
    told = capfd.readouterr()
    assert told.out == "updated\n"
    # In place of the CLI's page about itself.
    assert told.err == f"{SAID}\n"
    assert asked(cli) == ["up --yes", "state repair", "up --yes"]


def test_recover_says_so_and_puts_it_in_order(cli, tmp_path):
    said = []
    recover(copy_project(tmp_path / "project"), "dev", said.append)
    assert said == [SAID]
    assert asked(cli) == ["stack export", "refresh --yes", "state repair", "stack export", "refresh --yes"]


def test_recover_unlocks_first_where_only_that_lets_it_repair(cli, tmp_path):
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    (cli / "lock").write_text(
        f"error: the stack is currently locked by 1 lock(s): created by me@{os.uname().nodename} (pid {ended.pid})"
    )
    said = []
    recover(copy_project(tmp_path / "project"), "dev", said.append)
    assert "unlocked stack dev, which an interrupted update had left locked" in said
    assert not (cli / "broken").exists()


def test_another_update_that_holds_the_stack_is_not_repaired_under(cli, tmp_path):
    (cli / "lock").write_text("error: the stack is currently locked by 1 lock(s)")
    with pytest.raises(LockedError):
        update(tmp_path, "dev")
    assert asked(cli) == ["up --yes", "state repair"]


def test_a_state_that_stays_out_of_order_is_repaired_once(cli, tmp_path):
    calls = []

    def call():
        calls.append(None)
        raise BrokenOrderError(REPORT)

    with pytest.raises(PulumiError, match="after `pulumi state repair` once more: the state is out of order"):
        in_order(tmp_path, "dev", lambda _: None, call)
    assert len(calls) == 2

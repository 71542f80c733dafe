"""What `eco2 recover` says where it can do nothing."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest
from typer.testing import CliRunner

from eco2.cli import app
from eco2.stack import lock as locks
from eco2.stack import recover as recovering
from eco2.stack.cli import LockedError, PulumiError
from eco2.stack.lock import owner_has_ended
from tests.conftest import copy_project

REFUSED = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete "
    "the lock file with `pulumi cancel`.\n  file:///b/.pulumi/locks/organization/eco2/dev/1.json: created by "
    "me@{host} (pid {pid}) at 2026-01-01T10:00:00Z"
)


class Pulumi:
    """Holds the stack dev, whose lock is as a test wants it."""

    def __init__(self, refusal="", states=('{"deployment": {"resources": []}}',)):
        self.refusal, self.states = refusal, list(states)
        self.told = []

    def __call__(self, _, stack, *arguments):
        self.told.append((stack, " ".join(arguments[:2])))
        if arguments[:2] == ("stack", "export") and stack != "dev":
            raise PulumiError(f"error: no stack named '{stack}' found")
        asks_for_the_lock = arguments[0] == "refresh" or arguments[:2] == ("stack", "import")
        if asks_for_the_lock and self.refusal:
            raise LockedError(self.refusal)
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


@pytest.fixture
def recover(tmp_path, monkeypatch):
    project = copy_project(tmp_path)

    def run(stack, cli):
        monkeypatch.setattr(recovering, "pulumi", cli)
        return CliRunner().invoke(app, ["recover", "--stack", stack, "--project", str(project)])

    return run


def test_a_name_without_a_file_is_refused_and_not_created(recover):
    cli = Pulumi()
    refused = recover("dve", cli)
    assert refused.exit_code == 1
    assert "Pulumi.dve.yaml: no such file; did you mean dev?" in refused.stderr
    assert cli.told == []


def test_a_stack_with_a_file_is_created(recover):
    cli = Pulumi()
    done = recover("prod", cli)
    assert done.exit_code == 0, done.output
    assert ("prod", "stack init") in cli.told


def test_a_lock_of_another_machine_is_told_with_the_way_on(recover):
    refused = recover("dev", Pulumi(REFUSED.format(host="elsewhere", pid=1)))
    assert refused.exit_code == 1
    assert "created by me@elsewhere (pid 1)" in refused.stderr
    assert "only if nothing updates dev any more: pulumi cancel --stack dev" in refused.stderr


def test_an_update_in_a_backend_that_names_nobody_is_told_with_the_way_on(recover):
    refused = recover("dev", Pulumi("error: [409] Conflict: Another update is currently in progress."))
    assert "pulumi cancel --stack dev" in refused.stderr


def test_an_update_that_runs_here_is_waited_for_and_not_cancelled(recover):
    refused = recover("dev", Pulumi(REFUSED.format(host=socket.gethostname(), pid=os.getpid())))
    assert refused.exit_code == 1
    assert f"process {os.getpid()} of this machine still updates dev" in refused.stderr
    assert "pulumi cancel --stack" not in refused.stderr


def test_a_lock_of_a_process_that_ended_is_taken_away(recover):
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    cli = Pulumi(REFUSED.format(host=socket.gethostname(), pid=ended.pid))
    done = recover("dev", cli)
    assert done.exit_code == 0, done.output
    assert ("dev", "cancel --yes") in cli.told


PENDING = '{"deployment": {"resources": [], "pending_operations": [%s]}}'
CREATING = (
    '{"type": "creating", "resource": {"type": "aws:iam/role:Role", "urn": "u", "inputs": {"name": "r"}}}'
)


def test_a_stack_in_order_is_read_and_never_written(recover):
    cli = Pulumi()
    assert recover("dev", cli).exit_code == 0
    assert [told for _, told in cli.told] == ["stack export", "refresh --yes"]


def test_a_state_that_changed_since_it_was_read_is_not_written_back(recover):
    cli = Pulumi(states=[PENDING % CREATING, PENDING % ""])
    refused = recover("dev", cli)
    assert refused.exit_code == 1
    assert "another update of dev is under way; let it end, then run this again" in refused.stderr
    assert ("dev", "stack import") not in cli.told


def test_a_state_that_changes_between_both_writes_is_not_undone(recover):
    before = PENDING % CREATING
    cli = Pulumi(states=[before, before, "written", PENDING % ""])
    refused = recover("dev", cli)
    assert refused.exit_code == 1
    assert "another update of dev is under way" in refused.stderr
    # The first asks for the lock, with what was read.
    assert [told for _, told in cli.told].count("stack import") == 1


def test_operations_that_are_open_still_are_not_told_as_settled(recover):
    refused = recover("dev", Pulumi(states=[PENDING % CREATING]))
    assert refused.exit_code == 1
    assert "1 operations are still open in the state of dev; run this again" in refused.stderr


def test_what_an_import_writes_anew_of_itself_is_no_change(recover):
    before = PENDING % CREATING
    later = before.replace('"resources"', '"manifest": {"time": "now"}, "resources"')
    done = recover("dev", Pulumi(states=[before, before, "written", later, "written", "read", PENDING % ""]))
    assert done.exit_code == 0, done.output
    assert "settled 1 operations" in done.output


def test_a_process_that_ended_and_that_nobody_has_asked_for_its_end_runs_no_more():
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert owner_has_ended(REFUSED.format(host=socket.gethostname(), pid=ended.pid))


@pytest.fixture
def ended():
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


HERE = REFUSED.format(host=socket.gethostname(), pid="{pid}")


def test_where_no_proc_tells_a_process_that_runs_has_not_ended(monkeypatch, tmp_path, ended):
    """As on every Mac."""
    monkeypatch.setattr(locks, "PROC", tmp_path / "none")
    assert not owner_has_ended(HERE.format(pid=os.getpid()))
    assert owner_has_ended(HERE.format(pid=ended))


def test_a_process_of_somebody_else_that_proc_hides_has_not_ended(monkeypatch, tmp_path):
    def not_ours(*_):
        raise PermissionError

    monkeypatch.setattr(locks, "PROC", tmp_path / "none")
    monkeypatch.setattr(os, "kill", not_ours)
    assert not owner_has_ended(HERE.format(pid=4711))


SECOND = (
    "\n  file:///b/.pulumi/locks/organization/eco2/dev/2.json: created by {owner} at 2026-01-01T10:00:00Z"
)


@pytest.mark.parametrize(
    ("owner", "all_ended"),
    [
        ("ci@runner-7 (pid 4711)", False),
        (f"me@{socket.gethostname()} (pid {os.getpid()})", False),
        ("John Doe@elsewhere (pid 4711)", False),
        (f"me@{socket.gethostname()} (pid 4194305)", True),
    ],
    ids=["another host", "here and running", "another host, with a blank", "here and ended"],
)
def test_of_two_locks_both_owners_must_have_ended(recover, ended, owner, all_ended):
    refusal = HERE.format(pid=ended).replace("1 lock(s)", "2 lock(s)") + SECOND.format(owner=owner)
    assert owner_has_ended(refusal) is all_ended
    cli = Pulumi(refusal)
    assert recover("dev", cli).exit_code == (0 if all_ended else 1)
    assert (("dev", "cancel --yes") in cli.told) is all_ended


def test_inside_a_container_nobody_is_taken_for_ended(recover, monkeypatch, ended):
    """Its numbers are not those of the machine, by whose host name another process may have locked."""
    monkeypatch.setattr(locks, "FIRST_NAMESPACE", 1)
    assert not owner_has_ended(HERE.format(pid=ended))
    cli = Pulumi(HERE.format(pid=ended))
    assert "only if nothing updates dev any more: pulumi cancel --stack dev" in recover("dev", cli).stderr
    assert ("dev", "cancel --yes") not in cli.told


def test_a_process_that_has_this_number_in_a_container_has_not_ended(monkeypatch, tmp_path, ended):
    (tmp_path / "9385").mkdir()
    (tmp_path / "9385" / "status").write_text(f"Name:\tpulumi\nNSpid:\t9385\t17\t{ended}\nNSsid:\t1\n")
    monkeypatch.setattr(locks, "PROC", tmp_path)
    assert not owner_has_ended(HERE.format(pid=ended))
    (tmp_path / "9385" / "status").write_text("Name:\tpulumi\nNSpid:\t9385\nNSsid:\t1\n")
    assert owner_has_ended(HERE.format(pid=ended))

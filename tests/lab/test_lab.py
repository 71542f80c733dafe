"""The lab as a command: it starts, answers, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Lab
from tests.lab.waiting import until
from tests.terminal import heed_ctrl_c

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Lab]:
    """A lab that a test starts by itself; whatever happens, it is ended."""
    lab = Lab(tmp_path)
    yield lab
    lab.command("stop", check=False)


def processes_of(home: Path) -> dict[int, str]:
    """Processes whose command line, or working folder, names a lab's home."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            place = str((entry / "cwd").readlink())
        except OSError:
            continue
        if int(entry.name) != os.getpid() and (str(home) in command or str(home) in place):
            found[int(entry.name)] = command
    return found


def leftovers(home: Path) -> dict[int, str]:
    """Processes of a lab that are still there after a few seconds."""
    deadline = time.monotonic() + 5
    while processes_of(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    return processes_of(home)


def test_a_lab_starts_tells_its_parts_and_stops_without_leftovers(own, tmp_path):
    own.command("start")
    parts = json.loads(own.command("status", "--json").stdout)
    assert set(parts.values()) == {"running"}
    assert {"etcd", "kube-apiserver", "kube-scheduler", "kwok", "aws", "joiner"} <= parts.keys()
    own.command("stop")
    assert leftovers(tmp_path) == {}
    assert not (tmp_path / "default").exists()


def test_no_process_survives_a_supervisor_that_is_killed(own, tmp_path):
    own.command("start")
    supervisor = next(pid for pid, command in processes_of(tmp_path).items() if "lab.supervisor" in command)
    assert len(processes_of(tmp_path)) > 6
    os.kill(supervisor, signal.SIGKILL)
    assert leftovers(tmp_path) == {}
    assert own.command("status", check=False).returncode == 3


def test_two_labs_run_side_by_side(lab, tmp_path):
    other = Lab(tmp_path, name="other")
    other.command("start")
    try:
        assert other.variables["KUBECONFIG"] != lab.variables["KUBECONFIG"]
        assert other.variables["AWS_ENDPOINT_URL"] != lab.variables["AWS_ENDPOINT_URL"]
        assert set(json.loads(lab.command("status", "--json").stdout).values()) == {"running"}
    finally:
        other.command("stop")
    assert set(json.loads(lab.command("status", "--json").stdout).values()) == {"running"}


def test_nobody_else_may_look_into_a_lab(lab):
    assert (lab.home / lab.name).stat().st_mode & 0o077 == 0


def test_a_running_lab_is_left_alone_by_start(lab):
    supervisor = (lab.home / lab.name / "supervisor.pid").read_text()
    answer = lab.command("start")
    assert "runs already" in answer.stderr
    assert (lab.home / lab.name / "supervisor.pid").read_text() == supervisor


def test_the_kubeconfig_offers_every_cluster_and_no_ambient_context(lab):
    text = Path(lab.variables["KUBECONFIG"]).read_text()
    assert all(f"name: {name}" in text for name in ("eco2-local", "eco2-dev", "eco2-prod"))
    assert "current-context: ''" in text
    assert (
        lab.command("run", "--", "sh", "-c", "echo $KUBECONFIG").stdout.strip() == lab.variables["KUBECONFIG"]
    )


def test_a_killed_part_is_told_and_can_be_started_again(lab):
    lab.command("kill", "keda")
    status = lab.command("status", check=False)
    assert status.returncode == 1
    assert "ended with" in status.stdout
    lab.command("restart", "keda")
    assert lab.command("status").returncode == 0


def test_unknown_parts_and_missing_labs_are_refused_in_words(lab, tmp_path):
    assert "there are etcd" in lab.command("kill", "nonsense", check=False).stderr
    missing = Lab(tmp_path).command("env", check=False)
    assert missing.returncode == 3
    assert "lab start" in missing.stderr


def test_two_starts_at_once_and_one_that_was_interrupted_end_in_one_lab(own, tmp_path):
    command = [sys.executable, "-m", "lab", "start"]
    words = {"env": own.own_environment, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, **words, preexec_fn=heed_ctrl_c) as first:  # noqa: PLW1509
        until((tmp_path / "default" / "supervisor.pid").exists)
        os.killpg(first.pid, signal.SIGINT)
        first.communicate()
    assert first.returncode == 130
    with subprocess.Popen(command, **words) as second, subprocess.Popen(command, **words) as third:
        told = [process.communicate(timeout=120)[1] for process in (second, third)]
        assert (second.returncode, third.returncode) == (0, 0), told
    assert own.command("status").returncode == 0
    supervisors = [one for one in processes_of(tmp_path).values() if "lab.supervisor" in one]
    assert len(supervisors) == 1
    own.command("stop")
    assert leftovers(tmp_path) == {}


def test_a_lab_that_is_still_starting_can_be_stopped(own, tmp_path):
    command = [sys.executable, "-m", "lab", "start"]
    with subprocess.Popen(command, env=own.own_environment, stderr=subprocess.PIPE, text=True) as starting:
        until((tmp_path / "default" / "supervisor.pid").exists)
        own.command("stop")
        assert "stopped while it was starting" in starting.communicate(timeout=60)[1]
    assert starting.returncode == 1
    assert leftovers(tmp_path) == {}


@pytest.mark.parametrize("name", ["..", "a/b", "Großes", "-x"])
def test_a_name_that_leads_out_of_the_labs_folder_is_refused(tmp_path, name):
    (tmp_path / "labs").mkdir()
    (tmp_path / "precious").write_text("x")
    done = Lab(tmp_path / "labs", name).command("stop", check=False)
    assert done.returncode == 2
    assert (tmp_path / "precious").exists()


def test_a_folder_that_no_lab_wrote_is_left_alone(tmp_path):
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "precious").write_text("x")
    lab = Lab(tmp_path)
    for command in ("start", "stop"):
        done = lab.command(command, check=False)
        assert done.returncode == 1
        assert "holds what no lab has written" in done.stderr
    assert (tmp_path / "default" / "precious").exists()


def test_a_folder_too_deep_for_sockets_is_refused_at_once(tmp_path):
    done = Lab(tmp_path / ("x" * 100)).command("start", check=False)
    assert done.returncode == 1
    assert "name a shorter folder: LAB_HOME=" in done.stderr


def test_another_account_and_a_proxy_do_not_lead_away(own, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    own.command("start")
    assert re.match("unset .*AWS_PROFILE", own.command("env").stdout)
    told = own.command("run", "--", sys.executable, "-c", "import os; print(os.environ.get('AWS_PROFILE'))")
    assert told.stdout == "None\n"
    own.command("stop")

"""Building the lab's programs, with a stand-in for Go that is slow, or fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from lab import tools
from tests.terminal import heed_ctrl_c


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "cache" / "eco2-lab"


def stand_in(tmp_path, script):
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\n{script}\n")
    go.chmod(0o755)


def test_an_interrupted_build_says_how_to_go_on_and_leaves_nothing_half_done(tmp_path, cache):
    running = tmp_path / "running"
    stand_in(tmp_path, f"touch {running}; sleep 30")
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "build"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509  # one call of the system
    )
    deadline = time.monotonic() + 10
    while not running.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "run the same command again to go on" in told
    assert [path for path in cache.iterdir() if not path.name.endswith(".lock")] == []


def test_what_was_built_stays_and_the_rest_is_built_by_the_next_run(tmp_path, cache):
    stand_in(tmp_path, 'while [ "$1" != -o ]; do shift; done; echo made > "$2"')
    tools.make(tools.TOOLS[0])
    assert tools.program(tools.TOOLS[0]).read_text() == "made\n"
    assert tools.TOOLS[0] not in tools.missing()
    assert set(tools.TOOLS[1:]) <= set(tools.missing())


def test_a_build_that_fails_names_the_program_and_repeats_gos_words(tmp_path, cache):
    stand_in(tmp_path, 'echo "dial tcp: lookup proxy: no such host" >&2; exit 1')
    with pytest.raises(tools.BuildError, match=r"etcd[\s\S]*no such host"):
        tools.make(tools.TOOLS[0])
    assert not tools.folder(tools.TOOLS[0]).exists()


def test_without_go_the_way_on_is_named(monkeypatch, cache):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(tools.BuildError, match="install Go"):
        tools.make(tools.TOOLS[0])


def test_what_can_wait_is_built_beside_the_others_with_the_time_that_they_leave(tmp_path, cache, monkeypatch):
    log, others = tmp_path / "log", tmp_path / "others"
    stand_in(
        tmp_path,
        f"""for last; do :; done
while [ "$1" != -o ]; do shift; done
case $last in
*/cmd/prometheus) while [ ! -e {others} ]; do sleep 0.02; done; nice >> {log};;
*) touch {others};;
esac
echo made > "$2" """,
    )
    monkeypatch.setattr(tools, "FILES", ())
    monkeypatch.setattr(tools, "pulumi_on_path", lambda: tmp_path)
    told = []
    # One that waited for its turn, before the others, would wait for ever here.
    tools.ensure(told.append)
    assert log.read_text() == f"{min(os.nice(0) + 19, 19)}\n"
    assert "building prometheus beside the others" in told[0]
    assert tools.missing() == ()


def test_what_alone_is_missing_takes_all_the_time_that_there_is(tmp_path, cache, monkeypatch):
    log = tmp_path / "log"
    stand_in(tmp_path, f'while [ "$1" != -o ]; do shift; done; nice >> {log}; echo made > "$2"')
    monkeypatch.setattr(tools, "FILES", ())
    monkeypatch.setattr(tools, "TOOLS", ())
    monkeypatch.setattr(tools, "pulumi_on_path", lambda: tmp_path)
    tools.make(tools.ISTIOD)
    told = []
    tools.ensure(told.append)
    assert len(told) == 1
    assert "prometheus (once" in told[0]
    assert log.read_text() == 2 * f"{os.nice(0)}\n"


def test_a_build_beside_the_others_that_fails_is_told_as_any(tmp_path, cache, monkeypatch):
    stand_in(
        tmp_path,
        'for last; do :; done; case $last in */cmd/prometheus) echo "no such host" >&2; exit 1;; esac\n'
        'while [ "$1" != -o ]; do shift; done; echo made > "$2"',
    )
    monkeypatch.setattr(tools, "FILES", ())
    monkeypatch.setattr(tools, "pulumi_on_path", lambda: tmp_path)
    with pytest.raises(tools.BuildError, match=r"prometheus[\s\S]*no such host"):
        tools.ensure(lambda _: None)

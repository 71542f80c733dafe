"""A credential plugin that does not answer: whoever waits is told, and may leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from kube import kubeconfig, waiting
from kube.cluster import ClusterClient
from kube.errors import ClusterError
from tests.conftest import ROOT


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A kubeconfig whose user has a plugin `aws` that sleeps."""
    plugin = tmp_path / "aws"
    plugin.write_text("#!/bin/sh\nexec sleep 30\n")
    plugin.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    ask = {"apiVersion": version, "command": str(plugin), "args": ["--password", "hunter2"]}
    described = {
        "contexts": [{"name": "eco2-dev", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"exec": ask}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(described))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return plugin


def test_it_is_said_what_is_waited_for_and_for_how_long(slow, monkeypatch):
    heard = []
    monkeypatch.setattr(waiting, "_hears", [heard.append])
    monkeypatch.setattr(waiting, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(kubeconfig, "EXEC_SECONDS", 0.5)
    way = "does it wait for a login? aws sso login, then the same command again, or take another context"
    with pytest.raises(ClusterError) as refused:
        ClusterClient("eco2-dev")
    assert heard == [f"waiting for the credential plugin {slow}, 0.5 s at the most; {way}"]
    assert str(refused.value) == f"the credential plugin {slow} gave no answer in 0.5 s; {way}"


def test_nothing_is_said_of_a_plugin_that_answers_at_once(slow, monkeypatch):
    slow.write_text("#!/bin/sh\necho '{}'\n")
    heard = []
    monkeypatch.setattr(waiting, "_hears", [heard.append])
    monkeypatch.setattr(waiting, "SLOW_SECONDS", 1.0)
    ClusterClient("eco2-dev")
    time.sleep(1.2)
    assert heard == []


@pytest.mark.parametrize("command", [("abort", "auth-api", "--no-reconcile"), ("status",), ("doctor",)])
@pytest.mark.whole
def test_a_command_says_so_on_standard_error_and_ctrl_c_ends_it(slow, command):
    # Tests that run in the background of a shell would hand down that Ctrl-C is ignored.
    begun = ["env", "--default-signal=INT", sys.executable, "-m", "eco2", *command, "--stack", "dev"]
    with subprocess.Popen(
        begun, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        told = running.stderr.readline()
        asked_at = time.monotonic()
        running.send_signal(signal.SIGINT)
        running.wait(20)
        took = time.monotonic() - asked_at
    assert (
        f"waiting for the credential plugin {slow}, 60 s at the most; does it wait for a login? aws" in told
    )
    assert "hunter2" not in told
    assert running.returncode == 130
    assert took < 5, took  # at once; a busy machine takes a few seconds to end any process
